"""Ways to split a data set: its own, drawn with a seed, or read from a file."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from florascope.data.dataset import ClassName, Dataset, Labels
from florascope.data.split import SUBSETS, Indexes, Split
from florascope.data.split_file import split_from_csv
from florascope.errors import DataError

__all__ = [
    "STRATIFIED",
    "SUBSETS",
    "Indexes",
    "Split",
    "choose_split",
    "split_from_csv",
    "split_from_subsets",
    "stratified",
]

STRATIFIED = "80-10-10"
MISSING_FRACTION = 0.1
"""The part of train that stands in for a val or test which the source does not have."""


def stratified(
    labels: Labels,
    seed: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    name: str = STRATIFIED,
    classes: Sequence[ClassName] = (),
) -> Split:
    """Draw a split that gives every class about the same fractions.

    Args:
        labels: (n,) class indexes.
        seed: the same seed draws the same photos.
        fractions: of train, val and test; they sum to 1.
        name: the split's name.
        classes: the classes' names, for error messages.

    Returns:
        A split of all n photos. A class's counts lie within 1 of its fractions, except that
        each class has at least one photo in every subset.

    Raises:
        DataError: a class has fewer than 3 photos, or the fractions do not sum to 1.
    """
    _check_fractions(fractions)
    _check_three_each(labels, classes)
    train, val, test = fractions
    rng = np.random.default_rng(seed)
    every = np.arange(len(labels), dtype=np.int64)
    tested = _draw(labels, every, test, rng)
    rest = _without(every, tested)
    selecting = _draw(labels, rest, val / (train + val), rng)
    return Split(name, _without(rest, selecting), selecting, tested)


def split_from_subsets(name: str, subsets: Sequence[str], labels: Labels) -> dict[str, Split]:
    """Make a source's own split from the subset ("train", "val" or "test") of each photo.

    A photo never changes sides: where the source has no val, or no test, a stratified tenth of
    train stands in for it (seed 0), and the split's name says so. Where it has only train there
    is no split to speak of.

    Args:
        name: the split's key in `Dataset.own_splits`.
        subsets: n words.
        labels: (n,) class indexes.

    Returns:
        {name: split}, or {} where every photo is in train.

    Raises:
        DataError: no photo is in train.
    """
    parts = {s: np.flatnonzero(np.array(subsets) == s).astype(np.int64) for s in SUBSETS}
    missing = [subset for subset, indexes in parts.items() if len(indexes) == 0]
    if "train" in missing:
        raise DataError(f"the {name} split has no train photos", expected="photos to learn from")
    if missing == ["val", "test"]:
        return {}
    for subset in missing:
        drawn = _draw(labels, parts["train"], MISSING_FRACTION, np.random.default_rng(0))
        parts |= {subset: drawn, "train": _without(parts["train"], drawn)}
    remark = "".join(f" ({subset}: {MISSING_FRACTION:.0%} of train)" for subset in missing)
    return {name: Split(name + remark, **parts)}


def choose_split(dataset: Dataset, spec: str | None, seed: int = 0) -> Split:
    """Choose the split that was asked for, and check that one can train and measure with it.

    Args:
        dataset: the photos.
        spec: one of the data set's own splits ("official", "folder", "csv", "garden"), "80-10-10",
            or the path of a .csv file; None takes the data set's own split where there is exactly
            one, and 80-10-10 otherwise.
        seed: for 80-10-10.

    Raises:
        DataError: there is no such split, a subset is empty, or a class has no train photo.
    """
    split = _asked(dataset, spec or _usual(dataset), seed)
    _check_usable(split, dataset)
    return split


def _usual(dataset: Dataset) -> str:
    return next(iter(dataset.own_splits)) if len(dataset.own_splits) == 1 else STRATIFIED


def _asked(dataset: Dataset, spec: str, seed: int) -> Split:
    if spec in dataset.own_splits:
        return dataset.own_splits[spec]
    if spec == STRATIFIED:
        return stratified(dataset.labels, seed, classes=dataset.classes)
    if spec.lower().endswith(".csv"):
        return split_from_csv(Path(spec), dataset)
    known = ", ".join([*dataset.own_splits, STRATIFIED])
    raise DataError(
        f"{dataset.name} has no split {spec!r}", expected=f"one of {known}, or a .csv file"
    )


def _check_usable(split: Split, dataset: Dataset) -> None:
    for subset, indexes in split.items():
        if len(indexes) == 0:
            raise DataError(
                f"split {split.name} of {dataset.name} has no {subset} photos",
                expected="photos in train, val and test",
                fix=f"Try --split {STRATIFIED}",
            )
    trained = np.bincount(dataset.labels[split.train], minlength=len(dataset.classes))
    untrained = [dataset.classes[k].name for k in np.flatnonzero(trained == 0)]
    if untrained:
        raise DataError(
            f"split {split.name} has no train photo of {_some(untrained)}",
            expected="at least one train photo of every class",
        )


def _draw(labels: Labels, pool: Indexes, fraction: float, rng: np.random.Generator) -> Indexes:
    """Take a fraction of each class from the pool: at least one photo, but never the last."""
    taken = []
    for k in np.unique(labels[pool]):
        own = rng.permutation(pool[labels[pool] == k])
        count = max(1, round(fraction * len(own)))
        taken.append(own[: min(count, len(own) - 1)])
    return np.sort(np.concatenate(taken))


def _without(indexes: Indexes, taken: Indexes) -> Indexes:
    return np.setdiff1d(indexes, taken, assume_unique=True)


def _check_fractions(fractions: tuple[float, float, float]) -> None:
    if min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise DataError(f"fractions {fractions}", expected="three positive numbers that sum to 1")


def _check_three_each(labels: Labels, classes: Sequence[ClassName]) -> None:
    present, counts = np.unique(labels, return_counts=True)
    small = [
        f"{classes[k].name if classes else f'number {k}'} ({count})"
        for k, count in zip(present, counts, strict=True)
        if count < 3
    ]
    if small:
        raise DataError(
            f"too few photos of class {_some(small)}",
            expected="at least 3 photos of every class, one each for train, val and test",
            fix="Add photos, or leave the class out",
        )


def _some(names: Sequence[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
