"""Ways to split a data set: its own, drawn with a seed, or read from a file."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import (
    SUBSETS,
    ClassName,
    Dataset,
    FilePhoto,
    Indexes,
    Labels,
    Split,
    subset_named,
)
from florascope.data.remarks import some
from florascope.data.table import Row, Table, path_spellings, read_table
from florascope.errors import DataError
from florascope.files import check_path


def split_from_csv(path: Path, dataset: Dataset) -> Split:
    """Read which photos of a data set train, select and test.

    The columns are `split` (train, val or test, or a word that means it), `label` (optional: a
    class id or name, which must be the data set's own label of that photo) and one of

    * `path`: a photo's name in the data set ("rose/1.jpg"), its file name where no other photo
      has the same one, or its path, relative to the CSV file's folder;
    * `image_id`: the number n of Oxford 102's photo image_n.jpg, as in the 80/10/10 split that
      many courses use.

    Photos that the file does not name belong to no subset.

    Args:
        path: the CSV file.
        dataset: the photos it speaks of.

    Returns:
        The split, named after the file.

    Raises:
        DataError: a line names an unknown photo, subset or label, or a photo for the second time.
    """
    table = read_table(path)
    by = "image_id" if "image_id" in table.columns else "path"
    table.require(by, "split")
    reader = _Reader(table, dataset, *_names(dataset))
    lines: dict[int, int] = {}
    parts: dict[str, list[int]] = {subset: [] for subset in SUBSETS}
    for row in table.rows:
        index = reader.photo(row, by)
        if index in lines:
            raise table.problem(
                row, f"{row.cells[by]} was already named in line {lines[index]}", "a photo once"
            )
        lines[index] = row.line
        parts[subset_of(table, row)].append(index)
    return Split(path.name, *(np.array(sorted(parts[s]), dtype=np.int64) for s in SUBSETS))


def subset_of(table: Table, row: Row) -> str:
    """Read a row's subset, "train", "val" or "test".

    Raises:
        DataError: it says something else.
    """
    word = row.cells["split"]
    subset = subset_named(word)
    if subset is None:
        raise table.problem(row, f"split {word!r}", expected=f"one of {', '.join(SUBSETS)}")
    return subset


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds the photos that a table's rows name."""

    table: Table
    dataset: Dataset
    names: dict[str, list[int]]
    file_names: dict[str, list[int]]

    def photo(self, row: Row, by: str) -> int:
        """Return the index of the photo that a row names, its label checked."""
        text = row.cells[by]
        names = [self._oxford_name(row)] if by == "image_id" else path_spellings(text)
        found = next(filter(None, map(self._find, names)), [])
        if len(found) != 1:
            raise self.table.problem(
                row,
                f"{by} {text!r} fits {len(found)} photos of {self.dataset.name}",
                expected=f"one, named like {self.dataset.photos[0].name!r}",
            )
        self._check_label(row, found[0])
        return found[0]

    def _find(self, name: str) -> list[int]:
        return (
            self.names.get(name)
            or self.names.get(_absolute(self.table.path.parent / name))
            or self.file_names.get(name, [])
        )

    def _oxford_name(self, row: Row) -> str:
        number = row.cells["image_id"]
        if not (number.isascii() and number.isdecimal()):
            raise self.table.problem(row, f"image_id {number!r}", expected="a whole number")
        return f"image_{int(number):05d}.jpg"

    def _check_label(self, row: Row, index: int) -> None:
        label = row.cells.get("label")
        known = self.dataset.classes[self.dataset.labels[index]]
        if label is not None and label not in {known.id, known.name}:
            raise self.table.problem(
                row,
                f"label {label!r} for {self.dataset.photos[index].name}",
                expected=f"{known.id!r}, its class in {self.dataset.name}",
            )


def _names(dataset: Dataset) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Index the photos by name and path, and by file name, which several may share."""
    names: dict[str, list[int]] = {}
    file_names: dict[str, list[int]] = {}
    for index, photo in enumerate(dataset.photos):
        keys = {photo.name, _absolute(photo.path)} if isinstance(photo, FilePhoto) else {photo.name}
        for key in keys:
            names.setdefault(key, []).append(index)
        file_names.setdefault(photo.name.rpartition("/")[2], []).append(index)
    return names, file_names


def _absolute(path: Path) -> str:
    return os.path.normpath(path.absolute())


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


def deal_folds(labels: Labels, folds: int) -> Indexes:
    """Number the fold of each photo, (n,), 0 to folds - 1: each class is dealt out in turn.

    Two photos of one class lie in different folds unless the class has more photos than there are
    folds.
    """
    fold = np.empty(len(labels), np.int64)
    fold[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % folds
    return fold


def split_from_subsets(name: str, subsets: Sequence[str], labels: Labels) -> dict[str, Split]:
    """Make a source's own split from the subset ("train", "val" or "test") of each photo.

    A photo never changes sides: where the source has no val, or no test, a stratified tenth of
    train stands in for it (seed 0), and the split's name says so. Where it has only train there
    is no split to speak of, and where it has none the split can only measure.

    Args:
        name: the split's key in `Dataset.own_splits`.
        subsets: n words.
        labels: (n,) class indexes.

    Returns:
        {name: split}, or {} where every photo is in train.
    """
    parts = {s: np.flatnonzero(np.array(subsets) == s).astype(np.int64) for s in SUBSETS}
    missing = [subset for subset, indexes in parts.items() if len(indexes) == 0]
    if missing == ["val", "test"]:
        return {}
    if "train" in missing:  # photos to measure with
        return {name: Split(name, **parts)}
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
        DataError: there is one class only, no such split, a subset is empty, or a class has no
            train photo.
    """
    if len(dataset.classes) < 2:
        names = ", ".join(known.name for known in dataset.classes)
        raise DataError(
            f"{dataset.name} has {len(dataset.classes)} class ({names})",
            expected="at least two classes to tell apart",
        )
    split = named_split(dataset, spec, seed)
    check_usable(split, dataset)
    return split


def named_split(dataset: Dataset, spec: str | None, seed: int = 0) -> Split:
    """Return a split by its name, see `choose_split`; to measure with it, it may lack subsets.

    Raises:
        DataError: there is no such split, or it cannot be drawn.
    """
    return _asked(dataset, spec or _usual(dataset), seed)


def _usual(dataset: Dataset) -> str:
    return next(iter(dataset.own_splits)) if len(dataset.own_splits) == 1 else STRATIFIED


def _asked(dataset: Dataset, spec: str, seed: int) -> Split:
    if spec in dataset.own_splits:
        return dataset.own_splits[spec]
    if spec == STRATIFIED:
        return stratified(dataset.labels, seed, classes=dataset.classes)
    check_path(spec)
    if spec.lower().endswith(".csv"):
        return split_from_csv(Path(spec), dataset)
    known = ", ".join([*dataset.own_splits, STRATIFIED])
    raise DataError(
        f"{dataset.name} has no split {spec!r}", expected=f"one of {known}, or a .csv file"
    )


def check_usable(split: Split, dataset: Dataset, lost: str = "") -> None:
    """Check that one can train, select and measure with a split.

    Args:
        split: the photos that are left of each subset.
        dataset: all photos.
        lost: why others are not left, said with what is missing.

    Raises:
        DataError: a subset is empty, or a class has no train photo.
    """
    for subset, indexes in split.items():
        if len(indexes) == 0:
            raise DataError(
                f"split {split.name} of {dataset.name} has no {subset} photos{lost}",
                expected="photos in train, val and test",
                fix="Mend or replace them" if lost else f"Try `split={STRATIFIED!r}`",
            )
    trained = np.bincount(dataset.labels[split.train], minlength=len(dataset.classes))
    untrained = [dataset.classes[k].name for k in np.flatnonzero(trained == 0)]
    if untrained:
        raise DataError(
            f"split {split.name} has no train photo of {some(untrained)}{lost}",
            expected="at least one train photo of every class",
            fix="Add photos of it, or leave the class out",
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
            f"too few photos of class {some(small)}",
            expected="at least 3 photos of every class, one each for train, val and test",
            fix="Add photos, or leave the class out",
        )
