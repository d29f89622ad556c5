"""Which photos lie on both sides of a split, with as few bytes read as that takes."""

from pathlib import Path

from florascope.data.dataset import Dataset, Photo
from florascope.data.split import Indexes
from florascope.errors import PhotoError

Digests = tuple[str, ...]


def shared_digests(dataset: Dataset, train: Indexes, val: Indexes) -> tuple[Digests, Digests]:
    """Digests of the photos of both sides, equal for equal files.

    Files of different sizes differ: only those whose size is met on the other side are read. The
    others, and photos that cannot be read, get a word of their own.
    """
    sizes = [[_size(dataset.photos[int(i)]) for i in side] for side in (train, val)]
    met = set(sizes[0]) & set(sizes[1])
    one, other = (
        tuple(
            _digest(dataset, int(i)) if size is None or size in met else f"alone {i}"
            for i, size in zip(side, own, strict=True)
        )
        for side, own in zip((train, val), sizes, strict=True)
    )
    return one, other


def _size(photo: Photo) -> int | None:
    """Bytes of a photo's file; None where it lies in none."""
    path = getattr(photo, "path", None)
    try:
        return path.stat().st_size if isinstance(path, Path) else None
    except OSError:
        return None


def _digest(dataset: Dataset, index: int) -> str:
    try:
        return dataset.photos[index].digest()
    except PhotoError:
        return f"unreadable {index}"
