"""What is wrong with the photos and labels of a data set."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float32, Int64

from florascope.data.dataset import Dataset, Split
from florascope.data.identity import near_pairs
from florascope.data.recorded import RECORDED, record, related_photos
from florascope.data.remarks import remarks
from florascope.errors import DataError
from florascope.health.looks import Looks, hashes, look_at_all
from florascope.health.quick_probe import Suspect, noise_rate, suspects
from florascope.progress import Progress, silent

SMALL_CLASS = 10  # photos
SMALL_PHOTO = 64  # pixels on the shorter side
LONG_PHOTO = 4.0  # longer side over shorter side

Features = Float32[np.ndarray, "n c"]
Pairs = Int64[np.ndarray, "_ 2"]
Embed = Callable[[Dataset], tuple[Features, Bool[np.ndarray, "n"]]]
"""Features of a data set's photos, and which photos have them."""


@dataclass(frozen=True, eq=False)
class Examination:
    """What was seen.

    Attributes:
        dataset: the photos.
        looks: one a photo.
        suspects: probable label errors, most suspicious first; empty where nobody looked.
        noise: estimated share of wrong labels; None where nobody looked.
        related: (r, 2) pairs of photos that keypoints call parts or edits of one picture, i < j;
            None where nobody looked.
    """

    dataset: Dataset
    looks: Looks
    suspects: tuple[Suspect, ...] = ()
    noise: float | None = None
    related: Pairs | None = None

    @property
    def broken(self) -> list[int]:
        """Photos that cannot be read."""
        return [i for i, look in enumerate(self.looks) if look.problem]

    @cached_property
    def contents(self) -> list[list[int]]:
        """The photos of each content."""
        found = defaultdict(list)
        for index, look in enumerate(self.looks):
            if not look.problem:
                found[look.digest].append(index)
        return list(found.values())

    @property
    def groups(self) -> list[list[int]]:
        """Photos with the same content, where there are at least two."""
        return [group for group in self.contents if len(group) > 1]

    @cached_property
    def near(self) -> Pairs:
        """Pairs that look the same without being so, (p, 2), i < j: the first of each content."""
        firsts = self.firsts
        return firsts[near_pairs(hashes(self.looks[i] for i in firsts))]

    @cached_property
    def derived(self) -> Pairs:
        """Crops and edits: the other related pairs, (p, 2), i < j, likewise."""
        known = set(map(tuple, self.near.tolist()))
        found = [] if self.related is None else self.related.tolist()
        pairs = [pair for pair in found if tuple(pair) not in known]
        return np.array(pairs, np.int64).reshape(-1, 2)

    @property
    def firsts(self) -> Int64[np.ndarray, "_"]:
        """The first photo of each content."""
        return np.array([group[0] for group in self.contents], np.int64)

    def leaks(self, split: Split) -> list[tuple[int, int, str]]:
        """Pairs of copies, crops or edits on both sides of a split: (i, j, "train/test")."""
        side = {int(i): subset for subset, part in split.items() for i in part}
        sides = ((i, j, side.get(i), side.get(j)) for i, j in self._alike())
        return [(i, j, f"{a}/{b}") for i, j, a, b in sides if a and b and a != b]

    def conflicts(self) -> list[tuple[int, int]]:
        """Pairs of copies, crops or edits that are of different classes."""
        labels = self.dataset.labels
        return [(i, j) for i, j in self._alike() if labels[i] != labels[j]]

    def _alike(self) -> Iterator[tuple[int, int]]:
        """Pairs i < j: every copy with the first of its content, and with what derives from it."""
        for group in self.contents:
            yield from ((group[0], j) for j in group[1:])
        copies = {group[0]: group for group in self.contents}
        for one, other in [*self.near.tolist(), *self.derived.tolist()]:
            for i, j in product(copies[one], copies[other]):
                yield min(i, j), max(i, j)

    @property
    def modes(self) -> dict[str, int]:
        """Photos by colour mode."""
        return dict(Counter(look.mode for look in self.looks if not look.problem))

    @property
    def rotated(self) -> list[int]:
        """Photos that EXIF turns."""
        return [i for i, look in enumerate(self.looks) if look.orientation != 1]

    @property
    def odd(self) -> list[int]:
        """Photos that are very small or very long."""
        sizes = {i: look.size for i, look in enumerate(self.looks) if not look.problem}
        return [
            i
            for i, size in sizes.items()
            if min(size) < SMALL_PHOTO or max(size) > LONG_PHOTO * min(size)
        ]

    @property
    def small_classes(self) -> list[int]:
        """Classes with few photos."""
        return np.flatnonzero(self.dataset.counts() < SMALL_CLASS).tolist()

    @property
    def imbalance(self) -> float:
        """Photos of the largest class over those of the smallest."""
        counts = self.dataset.counts()
        return float(counts.max() / max(int(counts.min()), 1))


def examine(
    dataset: Dataset,
    embed: Embed | None = None,
    progress: Progress = silent,
    *,
    keypoints: bool | None = None,
) -> Examination:
    """Look at every photo; look for label errors where features can be had.

    Args:
        dataset: the photos.
        embed: gives features of a pretrained network; None leaves label errors out.
        progress: told after each photo.
        keypoints: look for crops and edits of other photos, too, at some 30 ms of a core a photo;
            None: of up to `RECORDED` photos.

    Raises:
        DataError: not one photo can be read.
    """
    looks = look_at_all(dataset.photos, progress)
    if all(look.problem for look in looks):
        raise DataError(
            f"none of the {len(dataset)} photos of {dataset.name} can be read",
            fix="Open one with another program: it may be damaged, or no photo",
        )
    found = Examination(dataset, looks)
    if len(dataset) <= RECORDED if keypoints is None else keypoints:
        found = replace(found, related=_related(found, progress))
    if embed is None:
        return found
    wrong, noise = _label_errors(dataset, embed)
    return replace(found, suspects=wrong, noise=noise)


def _related(found: Examination, progress: Progress) -> Pairs:
    """Hold the first photo of each content against all others."""
    firsts = found.firsts
    photos = [found.dataset.photos[i] for i in firsts.tolist()]
    pairs = np.sort(related_photos(photos, photos, record(photos, progress), progress), 1)
    return firsts[np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)]


def _label_errors(dataset: Dataset, embed: Embed) -> tuple[tuple[Suspect, ...], float]:
    from florascope.health.quick_probe import out_of_fold

    features, readable = embed(dataset)
    at = np.flatnonzero(readable)
    labels = dataset.labels[at]
    probabilities = out_of_fold(features[at], labels, len(dataset.classes))
    found = suspects(probabilities, labels)
    placed = (Suspect(int(at[s.index]), s.label, s.looks_like, s.margin) for s in found)
    return tuple(placed), noise_rate(probabilities, labels)


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
        conflicts: pairs of copies, crops or edits that have different labels.
        near_duplicates: pairs of photos that look the same without having the same content.
        derived: further pairs, one of which is a crop or an edit of the other; None where nobody
            looked.
        leaks: pairs of copies, crops or edits on different sides, by split.
        modes: photos by colour mode.
        rotated: photos that EXIF turns.
        odd: photos that are very small or very long.
        small_classes: classes with few photos.
        imbalance: photos of the largest class over those of the smallest.
        suspects: probable label errors, most suspicious first.
        noise: estimated share of wrong labels; None where nobody looked.
        ignored: how many files of the source were left out, by ending or kind.
        remarks: what else is odd, a sentence each; see `florascope.data.remarks`.
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
    derived: list[list[str]] | None
    leaks: dict[str, list[list[str]]]
    modes: dict[str, int]
    rotated: list[str]
    odd: list[str]
    small_classes: list[str]
    imbalance: float
    suspects: list[dict[str, Any]]
    noise: float | None
    ignored: dict[str, int]
    remarks: list[str]

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
            derived=_pairs(found),
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
            ignored=dict(dataset.ignored),
            remarks=_remarks(found),
        )


def inspect(
    dataset: Dataset, progress: Progress = silent, embed: Embed | None = None
) -> Inspection:
    """Look at every photo; see `florascope.health.examination.examine`."""
    return Inspection.of(examine(dataset, embed, progress))


def _names(dataset: Dataset, indexes: Sequence[int]) -> list[str]:
    return [dataset.photos[i].name for i in indexes]


def _pairs(found: Examination) -> list[list[str]] | None:
    """Name crops and edits, where somebody looked for them."""
    if found.related is None:
        return None
    return [_names(found.dataset, pair) for pair in found.derived.tolist()]


def _remarks(found: Examination) -> list[str]:
    """Say what is odd about the source, its classes, and the split that it brings."""
    readable = np.ones(len(found.dataset), bool)
    readable[found.broken] = False
    split = next(iter(found.dataset.own_splits.values()), None)
    return list(remarks(found.dataset, split, readable))


def _counts(dataset: Dataset) -> dict[str, int]:
    counts = dataset.counts()
    return {
        c.id if c.id == c.name else f"{c.id} {c.name}": int(counts[k])
        for k, c in enumerate(dataset.classes)
    }
