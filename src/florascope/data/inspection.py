"""What a data set holds, and what is wrong with it, as JSON values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Self

from florascope.data.dataset import Dataset
from florascope.data.health.examination import Embed, Examination, examine
from florascope.progress import Progress, silent


@dataclass(frozen=True)
class Inspection:
    """The findings, photos by name.

    Attributes:
        name: the data set's.
        photos: how many.
        counts: photos a class, by "id name".
        splits: sizes of the splits the source publishes.
        smallest: width and height of the photo with the fewest pixels.
        largest: width and height of the photo with the most.
        broken: why each unreadable photo is so.
        duplicates: groups of photos with the same content.
        conflicts: photos with the same content, or nearly, that have different labels.
        near_duplicates: pairs of photos that look the same without having the same content.
        leaks: pairs of equal or nearly equal photos on different sides, by split.
        modes: photos by colour mode.
        rotated: photos that EXIF turns.
        odd: photos that are very small or very long.
        small_classes: classes with few photos.
        imbalance: photos of the largest class over those of the smallest.
        suspects: probable label errors, most suspicious first.
        noise: estimated share of wrong labels; None where nobody looked.
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
    near_duplicates: list[list[str]]
    leaks: dict[str, list[list[str]]]
    modes: dict[str, int]
    rotated: list[str]
    odd: list[str]
    small_classes: list[str]
    imbalance: float
    suspects: list[dict[str, Any]]
    noise: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        return asdict(self)

    @classmethod
    def of(cls, found: Examination) -> Self:
        """Name what an examination saw."""
        dataset = found.dataset
        sizes = {look.size for look in found.looks if not look.problem}
        return cls(
            name=dataset.name,
            photos=len(dataset),
            counts=_counts(dataset),
            splits={n: {k: len(i) for k, i in s.items()} for n, s in dataset.own_splits.items()},
            smallest=min(sizes, key=prod),
            largest=max(sizes, key=prod),
            broken=[found.looks[i].problem for i in found.broken],
            duplicates=[_names(dataset, group) for group in found.groups],
            conflicts=[_names(dataset, pair) for pair in found.conflicts()],
            near_duplicates=[_names(dataset, pair) for pair in found.near.tolist()],
            leaks={
                name: [[*_names(dataset, (i, j)), sides] for i, j, sides in found.leaks(split)]
                for name, split in dataset.own_splits.items()
            },
            modes=found.modes,
            rotated=_names(dataset, found.rotated),
            odd=_names(dataset, found.odd),
            small_classes=[dataset.classes[k].name for k in found.small_classes],
            imbalance=found.imbalance,
            suspects=[
                {
                    "photo": dataset.photos[s.index].name,
                    "label": dataset.classes[s.label].name,
                    "looks_like": dataset.classes[s.looks_like].name,
                    "margin": s.margin,
                }
                for s in found.suspects
            ],
            noise=found.noise,
        )


def inspect(
    dataset: Dataset, progress: Progress = silent, embed: Embed | None = None
) -> Inspection:
    """Decode every photo once; see `florascope.data.health.examination.examine`."""
    return Inspection.of(examine(dataset, embed, progress))


def _names(dataset: Dataset, indexes: Sequence[int]) -> list[str]:
    return [dataset.photos[i].name for i in indexes]


def _counts(dataset: Dataset) -> dict[str, int]:
    counts = dataset.counts()
    return {
        c.id if c.id == c.name else f"{c.id} {c.name}": int(counts[k])
        for k, c in enumerate(dataset.classes)
    }
