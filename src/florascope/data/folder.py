"""A folder of class folders, with or without train, val and test around them."""

import re
from pathlib import Path

import numpy as np

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.data.splits import split_of
from florascope.errors import DataError
from florascope.images import SUFFIXES

_SUBSET_FOLDERS = ("train", "training", "val", "valid", "validation", "test")


def folder(root: Path) -> Dataset:
    """Read the labels from the folders' names.

    Either ROOT/CLASS/photo.jpg, or ROOT/train/CLASS/photo.jpg with val (valid, validation) and
    test beside train; then the folders are the split "folder". Hidden files and files that are
    not photos are passed over. Numeric class names are in numeric order.

    Raises:
        DataError: the folder is missing, empty, or not laid out like that.
    """
    if not root.is_dir():
        raise DataError(f"no folder {root}", expected="a folder of class folders")
    subsets = [d for d in _folders(root) if d.name.lower() in _SUBSET_FOLDERS]
    if subsets:
        return _with_subsets(root, subsets)
    rows = [(path, path.parent.name, "") for d in _folders(root) for path in _photos(d)]
    return from_rows(str(root), _checked(rows, root))


def from_rows(name: str, rows: list[tuple[Path, str, str]], split: str = "") -> Dataset:
    """Make a data set of (path, class id, subset) rows.

    Args:
        name: of the data set.
        rows: one a photo.
        split: the name of the rows' own split; empty where they have none.

    Raises:
        DataError: there is one class only, or a class has a single photo.
    """
    ids = sorted({label for _, label, _ in rows}, key=_natural)
    number = {label: k for k, label in enumerate(ids)}
    labels = np.array([number[label] for _, label, _ in rows], dtype=np.int64)
    own = {split: split_of(split, [subset for *_, subset in rows])} if split else {}
    photos = tuple(FilePhoto(path) for path, *_ in rows)
    dataset = Dataset(name, photos, labels, tuple(ClassName(i, i) for i in ids), own)
    for k in np.flatnonzero(dataset.counts() == 1):
        raise DataError(
            f"class {ids[k]} of {name} has a single photo",
            expected="at least three a class, one each for train, val and test",
            fix="Add photos of it or remove the class",
        )
    return dataset


def _with_subsets(root: Path, subsets: list[Path]) -> Dataset:
    rows = [
        (path, path.parent.name, subset.name)
        for subset in subsets
        for d in _folders(subset)
        for path in _photos(d)
    ]
    found = {subset.name for subset in subsets}
    if len(found) < 3:
        raise DataError(
            f"{root} holds {', '.join(sorted(found))}",
            expected="train, val and test, or class folders alone (then --split 80-10-10 works)",
        )
    return from_rows(str(root), _checked(rows, root), "folder")


def _checked(rows: list[tuple[Path, str, str]], root: Path) -> list[tuple[Path, str, str]]:
    if rows:
        return rows
    loose = len(_photos(root))
    raise DataError(
        f"{root} holds {loose} photos of its own and none in class folders",
        expected="one folder a class, each with photos inside",
    )


def _folders(root: Path) -> list[Path]:
    found = [d for d in root.iterdir() if d.is_dir() and not d.name.startswith(".")]
    return sorted(found, key=lambda d: _natural(d.name))


def _photos(root: Path) -> list[Path]:
    found = [
        p
        for p in root.iterdir()
        if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
    ]
    return sorted(found, key=lambda p: _natural(p.name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Order numbers inside names by value: 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p.casefold()) for p in parts if p]
