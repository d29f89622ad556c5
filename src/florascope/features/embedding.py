"""The features of every photo, computed once and kept."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from florascope.augmentation import Augmentation
from florascope.data.dataset import Photo, read_shrunken
from florascope.errors import PhotoError
from florascope.features.engines import Engine
from florascope.files import cache_dir, new_folder, reserve
from florascope.images import readable_formats
from florascope.parallel import in_order
from florascope.preprocessing import Crop, Preprocessing
from florascope.progress import Progress, silent, track

DECODING = 2
"""Raised whenever the same photo would give another crop."""

Crops = UInt8[np.ndarray, "b size size 3"]
Values = Float32[np.ndarray, "v n c"]
Features = Float32[np.ndarray, "b c"]


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

    def blocks(self, size: int = 1024) -> Iterator[tuple[slice, Features, Bool[np.ndarray, "b"]]]:
        """Yield the plain photos' features in blocks: where, (b, c), and which are readable.

        A memory map's pages stay with the process once touched; blocks of a file are read instead.
        """
        readable, (_, n, c) = self.readable, self.values.shape
        for start in range(0, n, size):
            at = slice(start, min(start + size, n))
            yield at, self._rows(at, c), readable[at]

    def _rows(self, at: slice, width: int) -> Features:
        if not isinstance(self.values, np.memmap) or self.values.filename is None:
            return self.values[0, at]
        offset = self.values.offset + 4 * width * at.start
        count = width * (at.stop - at.start)
        flat = np.fromfile(self.values.filename, np.float32, count, offset=offset)
        return flat.reshape(-1, width)


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
    """Write values.npy and problems.json; each core decodes and embeds whole batches.

    Rows are written, not laid into a memory map, whose pages would count as this process's memory.
    """
    shape = (views.count if views else 1, len(photos), engine.num_features)
    path = folder / "values.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, shape)
    reserve(path)
    start = path.stat().st_size - 4 * math.prod(shape)
    batches = [
        range(len(photos))[at : at + engine.batch] for at in range(0, len(photos), engine.batch)
    ]
    made = in_order(lambda batch: embed_batch(photos, batch, engine, views), batches)
    problems: dict[int, str] = {}
    with path.open("r+b") as file:
        watched = track(made, len(batches), "Embedding photos", progress)
        for batch, (values, found) in zip(batches, watched, strict=True):
            problems |= found
            for view, rows in enumerate(values):
                file.seek(start + 4 * engine.num_features * (view * len(photos) + batch.start))
                file.write(rows.tobytes())
    ordered = {str(i): problems[i] for i in sorted(problems)}
    (folder / "problems.json").write_text(json.dumps(ordered), encoding="utf-8")


def embed_batch(
    photos: Sequence[Photo], batch: range, engine: Engine, views: Views | None = None
) -> tuple[Values, dict[int, str]]:
    """Decode and embed some photos.

    Returns:
        Their features, (v, b, c), zero where a photo cannot be read; and why it cannot, by index.
    """
    crops, problems = crops_of(photos, batch, engine.preprocessing)
    kept = [index for index in batch if index not in problems]
    rows = [index - batch.start for index in kept]
    shape = (views.count if views else 1, len(batch), engine.num_features)
    values = np.zeros(shape, np.float32)
    for view, seen in enumerate(_views_of(crops, kept, views)):
        values[view, rows] = engine(engine.preprocessing.normalise(seen))
    return values, problems


def crops_of(
    photos: Sequence[Photo], indexes: range, preprocessing: Preprocessing
) -> tuple[Crops, dict[int, str]]:
    """Read what can be read of some photos; note what cannot, by index."""
    crops: list[Crop] = []
    problems: dict[int, str] = {}
    for index in indexes:
        try:
            crops.append(preprocessing.crop(read_shrunken(photos[index], preprocessing.shorter)))
        except PhotoError as error:
            problems[index] = str(error)
    size = preprocessing.size
    return np.stack(crops) if crops else np.zeros((0, size, size, 3), np.uint8), problems


def _views_of(crops: Crops, indexes: list[int], views: Views | None) -> Iterator[Crops]:
    if not indexes:
        return
    if views is None:
        yield crops
        return
    for view in range(views.count):
        yield views.augmentation(crops, seed=views.seed, epoch=view, indexes=indexes)


def _key(photos: Sequence[Photo], engine: Engine, views: Views | None) -> str:
    formats = readable_formats()  # what could not be read may be readable now
    text = f"{engine.digest()} decoding {DECODING} {formats} {views}"
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for parts in in_order(lambda block: [_digest(photo) for photo in block], _blocks(photos)):
        for part in parts:
            digest.update(part.encode())
    return digest.hexdigest()


def _blocks(photos: Sequence[Photo], size: int = 64) -> Iterator[Sequence[Photo]]:
    """Cut into blocks: hashing one photo is too little work for a thread's turn."""
    return (photos[at : at + size] for at in range(0, len(photos), size))


def _digest(photo: Photo) -> str:
    try:
        return photo.digest()
    except PhotoError as error:
        return str(error)
