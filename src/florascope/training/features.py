"""The features of every photo, computed once and kept."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from florascope.data.dataset import Photo
from florascope.errors import PhotoError
from florascope.files import cache_dir, new_folder, reserve
from florascope.model.augmentation import Augmentation
from florascope.progress import Progress, silent, track
from florascope.training.engine import Engine

BATCH = 16  # small enough to stay in the CPU's cache, large enough to keep it busy

Crops = UInt8[np.ndarray, "b size size 3"]
Values = Float32[np.ndarray, "v n c"]


@dataclass(frozen=True, eq=False)
class FeatureBank:
    """Pooled features of n photos in v views.

    Attributes:
        values: (v, n, c); rows of unreadable photos are zero.
        problems: why a photo could not be read, by its index.
        key: of the photos, their views and the network: equal for equal features.
    """

    values: Values
    problems: dict[int, str] = field(default_factory=dict)
    key: str = ""

    @property
    def readable(self) -> Bool[np.ndarray, "n"]:
        """Which photos have features, (n,)."""
        keep = np.ones(self.values.shape[1], dtype=bool)
        keep[list(self.problems)] = False
        return keep


@dataclass(frozen=True)
class Views:
    """How many augmented views of each photo to embed.

    Attributes:
        augmentation: what is drawn.
        count: views a photo.
        seed: of the draws; view v of photo i depends on (seed, v, i) alone.
    """

    augmentation: Augmentation
    count: int
    seed: int


def embed(
    photos: Sequence[Photo],
    engine: Engine,
    *,
    views: Views | None = None,
    progress: Progress = silent,
) -> FeatureBank:
    """Return the features of every photo, from the cache where they have been computed before.

    Args:
        photos: n photos; unreadable ones are named in the bank's problems.
        engine: the frozen backbone.
        views: augmented views; None for the plain photo (v = 1).
        progress: told after each batch.
    """
    folder = cache_dir() / "features" / _key(photos, engine, views)
    if not (folder / "problems.json").is_file():
        with new_folder(folder) as draft:
            _fill(draft, photos, engine, views, progress)
    problems = json.loads((folder / "problems.json").read_text(encoding="utf-8"))
    values: Values = np.load(folder / "values.npy", mmap_mode="r", allow_pickle=False)
    return FeatureBank(values, {int(i): text for i, text in problems.items()}, folder.name)


def _fill(
    folder: Path,
    photos: Sequence[Photo],
    engine: Engine,
    views: Views | None,
    progress: Progress,
) -> None:
    count = views.count if views else 1
    shape = (count, len(photos), engine.num_features)
    values = np.lib.format.open_memmap(folder / "values.npy", "w+", np.float32, shape)
    reserve(folder / "values.npy")
    problems: dict[int, str] = {}

    def embed_batch(start: int) -> int:
        stop = min(start + BATCH, len(photos))
        crops, readable = _crops(photos, range(start, stop), engine, problems)
        for v, batch in enumerate(_views_of(crops, readable, views)):
            values[v, readable] = engine(engine.preprocessing.normalise(batch))
        return stop - start

    starts = range(0, len(photos), BATCH)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        done = pool.map(embed_batch, starts)
        for _ in track(done, len(starts), "Embedding photos", progress):
            pass
    values.flush()
    ordered = {str(i): problems[i] for i in sorted(problems)}
    (folder / "problems.json").write_text(json.dumps(ordered), encoding="utf-8")


def _crops(
    photos: Sequence[Photo], indexes: range, engine: Engine, problems: dict[int, str]
) -> tuple[Crops, list[int]]:
    """Read what can be read; note what cannot."""
    size = engine.preprocessing.size
    crops, readable = [], []
    for index in indexes:
        try:
            crops.append(engine.preprocessing.crop(photos[index].read()))
            readable.append(index)
        except PhotoError as error:
            problems[index] = str(error)
    return np.stack(crops) if crops else np.zeros((0, size, size, 3), np.uint8), readable


def _views_of(crops: Crops, indexes: list[int], views: Views | None) -> Iterator[Crops]:
    if not indexes:
        return
    if views is None:
        yield crops
        return
    for view in range(views.count):
        yield views.augmentation(crops, seed=views.seed, epoch=view, indexes=indexes)


def _key(photos: Sequence[Photo], engine: Engine, views: Views | None) -> str:
    digest = hashlib.blake2b(f"{engine.digest()} {views}".encode(), digest_size=16)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for part in pool.map(_digest, photos, chunksize=64):
            digest.update(part.encode())
    return digest.hexdigest()


def _digest(photo: Photo) -> str:
    try:
        return photo.digest()
    except PhotoError as error:
        return str(error)
