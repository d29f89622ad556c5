"""The features of every photo, computed once and kept."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from threadpoolctl import threadpool_limits

from florascope.augmentation import Augmentation
from florascope.data.dataset import Photo, read_shrunken
from florascope.data.identity import Contents, Looks, PhotoKeys, content_key, no_looks, pack_look
from florascope.data.local_features import Marks, marks_of, no_marks
from florascope.errors import PhotoError
from florascope.features.engines import Engine
from florascope.files import cache_dir, new_folder, reserve
from florascope.images import RGB, readable_formats
from florascope.parallel import in_order
from florascope.preprocessing import Crop, Preprocessing
from florascope.progress import Progress, silent, track

DECODING = 4
"""Raised whenever the same photo would give another crop, or more is kept of it."""

MARKS = "marks.npy"

Made = TypeVar("Made")
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
        photos: what the n photos are recognised by; None for features that were made elsewhere.
    """

    values: Values
    problems: dict[int, str] = field(default_factory=dict)
    key: str = ""
    photos: PhotoKeys | None = None

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
    marked: bool = False,
    progress: Progress = silent,
) -> FeatureBank:
    """Return the features of every photo, from the cache where they have been computed before.

    Args:
        photos: n photos; unreadable ones are named in the bank's problems.
        engine: the frozen backbone.
        views: augmented views; None for the plain photo (v = 1).
        marked: record by what derived photos are recognised, too; about as much work again.
        progress: told after each batch.
    """
    key, contents = _keys(photos, engine, views)
    folder = cache_dir() / "features" / key
    needed = ("problems.json", MARKS)[: 1 + marked]
    if not all((folder / name).is_file() for name in needed):
        with new_folder(folder) as draft:
            _fill(draft, photos, engine, views, progress, marked=marked)
    problems = json.loads((folder / "problems.json").read_text(encoding="utf-8"))
    values: Values = np.load(folder / "values.npy", mmap_mode="r", allow_pickle=False)
    marks = np.load(folder / MARKS, allow_pickle=False) if marked else None
    keys = PhotoKeys(contents, np.load(folder / "looks.npy", allow_pickle=False), marks)
    return FeatureBank(values, {int(i): text for i, text in problems.items()}, key, keys)


def _fill(
    folder: Path,
    photos: Sequence[Photo],
    engine: Engine,
    views: Views | None,
    progress: Progress,
    *,
    marked: bool,
) -> None:
    """Write values.npy, looks.npy and problems.json; each core decodes and embeds whole batches.

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
    made = in_order(lambda b: embed_batch(photos, b, engine, views, marked=marked), batches)
    problems: dict[int, str] = {}
    looks, marks = no_looks(len(photos)), no_marks(len(photos) if marked else 0)
    # Whole photos are spread over the cores: threads of a product of 16 keypoints would only wait.
    with threadpool_limits(1, user_api="blas"), path.open("r+b") as file:
        watched = track(made, len(batches), "Embedding photos", progress)
        for batch, found in zip(batches, watched, strict=True):
            problems |= found.problems
            looks[batch.start : batch.stop] = found.looks
            if marked:
                marks[batch.start : batch.stop] = found.marks
            for view, rows in enumerate(found.values):
                file.seek(start + 4 * engine.num_features * (view * len(photos) + batch.start))
                file.write(rows.tobytes())
    np.save(folder / "looks.npy", looks, allow_pickle=False)
    if marked:
        np.save(folder / MARKS, marks, allow_pickle=False)
    ordered = {str(i): problems[i] for i in sorted(problems)}
    (folder / "problems.json").write_text(json.dumps(ordered), encoding="utf-8")


class EmbeddedBatch(NamedTuple):
    """What was made of some photos.

    Attributes:
        values: (v, b, c) their features, zero where a photo cannot be read.
        looks: (b, 32) the looks of their plain crops, likewise.
        marks: (b, 16, 16) by what derived photos are recognised, likewise; (0, 16, 16) unless
            asked for.
        problems: why a photo cannot be read, by index.
    """

    values: Values
    looks: Looks
    marks: Marks
    problems: dict[int, str]


def embed_batch(
    photos: Sequence[Photo],
    batch: range,
    engine: Engine,
    views: Views | None = None,
    *,
    marked: bool = False,
) -> EmbeddedBatch:
    """Decode and embed some photos; record their marks where asked."""
    pre = engine.preprocessing
    made, problems = _of_each(
        lambda rgb: (pre.crop(rgb), marks_of(rgb) if marked else None), photos, batch, pre
    )
    crops = _stacked([crop for crop, _ in made], pre)
    kept = [index for index in batch if index not in problems]
    rows = [index - batch.start for index in kept]
    shape = (views.count if views else 1, len(batch), engine.num_features)
    values = np.zeros(shape, np.float32)
    for view, seen in enumerate(_views_of(crops, kept, views)):
        values[view, rows] = engine(engine.preprocessing.normalise(seen))
    looks = no_looks(len(batch))
    looks[rows] = [pack_look(crop) for crop in crops] or no_looks(0)
    marks = no_marks(len(batch) if marked else 0)
    if marked:
        marks[rows] = [found for _, found in made] or no_marks(0)
    return EmbeddedBatch(values, looks, marks, problems)


def crops_of(
    photos: Sequence[Photo], indexes: range, preprocessing: Preprocessing
) -> tuple[Crops, dict[int, str]]:
    """Read what can be read of some photos; note what cannot, by index."""
    crops, problems = _of_each(preprocessing.crop, photos, indexes, preprocessing)
    return _stacked(crops, preprocessing), problems


def _of_each(
    make: Callable[[RGB], Made], photos: Sequence[Photo], indexes: range, pre: Preprocessing
) -> tuple[list[Made], dict[int, str]]:
    """Make something of each photo that can be read; note what cannot, by index."""
    made: list[Made] = []
    problems: dict[int, str] = {}
    for index in indexes:
        try:
            made.append(make(read_shrunken(photos[index], pre.shorter)))
        except PhotoError as error:
            problems[index] = str(error)
    return made, problems


def _stacked(crops: list[Crop], pre: Preprocessing) -> Crops:
    return np.stack(crops) if crops else np.zeros((0, pre.size, pre.size, 3), np.uint8)


def _views_of(crops: Crops, indexes: list[int], views: Views | None) -> Iterator[Crops]:
    if not indexes:
        return
    if views is None:
        yield crops
        return
    for view in range(views.count):
        yield views.augmentation(crops, seed=views.seed, epoch=view, indexes=indexes)


def _keys(photos: Sequence[Photo], engine: Engine, views: Views | None) -> tuple[str, Contents]:
    """Return the key of everything together, and the content key of each photo."""
    formats = readable_formats()  # what could not be read may be readable now
    text = f"{engine.digest()} decoding {DECODING} {formats} {views}"
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    contents = np.zeros(len(photos), np.uint64)
    parts = in_order(lambda block: [_digest(photo) for photo in block], _blocks(photos))
    for index, part in enumerate(chain.from_iterable(parts)):
        digest.update(part.encode())
        contents[index] = content_key(part)
    return digest.hexdigest(), contents


def _blocks(photos: Sequence[Photo], size: int = 64) -> Iterator[Sequence[Photo]]:
    """Cut into blocks: hashing one photo is too little work for a thread's turn."""
    return (photos[at : at + size] for at in range(0, len(photos), size))


def _digest(photo: Photo) -> str:
    try:
        return photo.digest()
    except PhotoError as error:
        return str(error)
