"""What a data set holds, and which of its photos are broken or doubled."""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from florascope.data.dataset import Dataset, Photo
from florascope.errors import DataError, PhotoError
from florascope.progress import Progress, silent, track


@dataclass(frozen=True)
class Inspection:
    """The findings.

    Attributes:
        name: the data set's.
        photos: how many.
        counts: photos a class, by "id name".
        splits: sizes of the splits the source publishes.
        smallest: width and height of the photo with the fewest pixels.
        largest: width and height of the photo with the most.
        broken: why each unreadable photo is so.
        duplicates: groups of photos with the same content.
        conflicts: those groups whose photos have different labels.
    """

    name: str
    photos: int
    counts: dict[str, int]
    splits: dict[str, dict[str, int]]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    broken: list[str]
    duplicates: list[list[str]]
    conflicts: list[list[str]]

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        return asdict(self)


class _Look(NamedTuple):
    """One photo: its size (width, height) and digest, or what is wrong with it."""

    size: tuple[int, int]
    digest: str
    problem: str


def inspect(dataset: Dataset, progress: Progress = silent) -> Inspection:
    """Decode every photo once.

    Raises:
        DataError: not one photo can be read.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        looks = list(
            track(pool.map(_look, dataset.photos), len(dataset), "Reading photos", progress)
        )
    sizes = sorted((look.size for look in looks if not look.problem), key=lambda s: s[0] * s[1])
    if not sizes:
        raise DataError(f"none of the {len(dataset)} photos of {dataset.name} can be read")
    groups = _groups(looks)
    names = [[dataset.photos[i].name for i in group] for group in groups]
    mixed = [len({int(dataset.labels[i]) for i in group}) > 1 for group in groups]
    return Inspection(
        name=dataset.name,
        photos=len(dataset),
        counts=_counts(dataset),
        splits={n: {k: len(i) for k, i in s.items()} for n, s in dataset.own_splits.items()},
        smallest=sizes[0],
        largest=sizes[-1],
        broken=[look.problem for look in looks if look.problem],
        duplicates=names,
        conflicts=[group for group, conflict in zip(names, mixed, strict=True) if conflict],
    )


def _look(photo: Photo) -> _Look:
    try:
        height, width = photo.read().shape[:2]
        return _Look((width, height), photo.digest(), "")
    except PhotoError as error:
        return _Look((0, 0), "", str(error))


def _groups(looks: list[_Look]) -> list[list[int]]:
    """Indexes of photos with equal content, where there are at least two."""
    found = defaultdict(list)
    for index, look in enumerate(looks):
        if not look.problem:
            found[look.digest].append(index)
    return [group for group in found.values() if len(group) > 1]


def _counts(dataset: Dataset) -> dict[str, int]:
    counts = dataset.counts()
    return {
        c.id if c.id == c.name else f"{c.id} {c.name}": int(counts[k])
        for k, c in enumerate(dataset.classes)
    }
