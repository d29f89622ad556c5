"""Ways to divide a data set: its own, drawn by class, or read from a CSV."""

import csv
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from florascope.data.dataset import Dataset
from florascope.data.split import SPELLINGS, SUBSETS, Indexes, Split
from florascope.errors import DataError

Labels = Int64[np.ndarray, "n"]


def subset_name(word: str) -> str:
    """Read train, val/valid/validation or test, in any case.

    Raises:
        DataError: it is none of them.
    """
    name = SPELLINGS.get(word.strip().lower())
    if name is None:
        raise DataError(f"split {word!r}", expected="train, val or test")
    return name


def split_of(name: str, words: list[str]) -> Split:
    """Make a split from each photo's own subset, in the order of the photos."""
    subsets = np.array([subset_name(word) for word in words])
    return Split(name, *(np.flatnonzero(subsets == subset) for subset in SUBSETS))


def stratified(labels: Labels, seed: int) -> Split:
    """Draw 80/10/10 within each class, so that every class is in every subset.

    A class of n photos gives max(1, round(n / 10)) to val and as many to test.

    Raises:
        DataError: a class has fewer than three photos.
    """
    draw = np.random.default_rng(seed)
    parts: dict[str, list[Indexes]] = {subset: [] for subset in SUBSETS}
    for k in np.unique(labels):
        members = draw.permutation(np.flatnonzero(labels == k))
        if len(members) < 3:
            raise DataError(
                f"class number {k} has {len(members)} photo{'s' * (len(members) > 1)}",
                expected="at least three a class, one each for train, val and test",
                fix="Add photos of it or remove the class",
            )
        tenth = max(1, round(len(members) / 10))
        parts["val"].append(members[:tenth])
        parts["test"].append(members[tenth : 2 * tenth])
        parts["train"].append(members[2 * tenth :])
    return Split("80-10-10", *(np.sort(np.concatenate(parts[s])) for s in SUBSETS))


def choose_split(dataset: Dataset, spec: str | None, seed: int = 0) -> Split:
    """Return the split that was asked for.

    Args:
        dataset: whose photos are divided.
        spec: one of the data set's own splits ("official", "folder", "csv", "garden"),
            "80-10-10", or a CSV file; None takes the only split of its own, else 80-10-10.
        seed: of the 80-10-10 draw.

    Raises:
        DataError: there is no such split, or it leaves a subset or a class without photos.
    """
    if spec is None:
        spec = next(iter(dataset.own_splits)) if len(dataset.own_splits) == 1 else "80-10-10"
    if spec in dataset.own_splits:
        split = dataset.own_splits[spec]
    elif spec == "80-10-10":
        split = _named_stratified(dataset, seed)
    elif spec.lower().endswith(".csv"):
        split = read_split(Path(spec), dataset)
    else:
        own = ", ".join([*dataset.own_splits, "80-10-10"])
        raise DataError(f"{dataset.name} has no split {spec!r}", expected=f"{own} or FILE.csv")
    _check(split, dataset)
    return split


def _named_stratified(dataset: Dataset, seed: int) -> Split:
    counts = dataset.counts()
    for k in np.flatnonzero(counts < 3):
        raise DataError(
            f"class {dataset.classes[k].name} has {counts[k]} photo{'s' * int(counts[k] != 1)}",
            expected="at least three a class, one each for train, val and test",
            fix="Add photos of it or remove the class",
        )
    return stratified(dataset.labels, seed)


def read_split(path: Path, dataset: Dataset) -> Split:
    """Read a CSV of image_id or path, optionally label, and split.

    image_id counts the data set's photos from 1 (Oxford 102's numbering); path is matched by the
    photo's name. Labels, where given, must be the photos' class ids.

    Raises:
        DataError: a column or photo is missing, or a label contradicts the data set.
    """
    rows = read_rows(path, ("split",))
    by_name = {photo.name: index for index, photo in enumerate(dataset.photos)}
    indexes, words = [], []
    for line, row in enumerate(rows, start=2):
        index = _photo_index(row, by_name, len(dataset))
        if index is None:
            raise DataError(f"{path}, line {line}: {dataset.name} has no such photo: {row}")
        label = dataset.classes[dataset.labels[index]].id
        if row.get("label", label) != label:
            raise DataError(
                f"{path}, line {line}: label {row['label']!r}", expected=f"{label!r} for that photo"
            )
        indexes.append(index)
        words.append(row["split"])
    places = np.array(indexes, dtype=np.int64)
    chosen = split_of(path.name, words)
    return Split(path.name, *(places[part] for _, part in chosen.items()))


def read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read a CSV with a header that holds at least these columns.

    Raises:
        DataError: it is missing, empty, not UTF-8, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error})", expected="a UTF-8 CSV file") from error
    if not rows:
        raise DataError(f"{path} has no rows", expected=f"a header with {', '.join(columns)}")
    missing = [c for c in columns if c not in rows[0]]
    if missing:
        found = ", ".join(str(c) for c in rows[0])
        raise DataError(f"{path} has the columns {found}", expected=f"also {', '.join(missing)}")
    return rows


def _photo_index(row: dict[str, str], by_name: dict[str, int], photos: int) -> int | None:
    if "image_id" in row:
        number = int(row["image_id"]) if row["image_id"].isdigit() else 0
        return number - 1 if 1 <= number <= photos else None
    return by_name.get(Path(row.get("path", "")).name)


def _check(split: Split, dataset: Dataset) -> None:
    for subset, indexes in split.items():
        if len(indexes) == 0:
            raise DataError(f"split {split.name} has no {subset} photos", expected="some of each")
    trained = np.bincount(dataset.labels[split.train], minlength=len(dataset.classes))
    for k in np.flatnonzero(trained == 0):
        raise DataError(
            f"split {split.name} has no training photo of class {dataset.classes[k].name}",
            expected="at least one a class",
        )
