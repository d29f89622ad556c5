"""A CSV file that lists photos with their labels."""

from pathlib import Path

import numpy as np

from florascope.data.dataset import MAX_NAME, ClassName, Dataset, FilePhoto, is_showable
from florascope.data.names import natural_key
from florascope.data.splits import split_from_subsets, subset_of
from florascope.data.table import Row, Table, read_table
from florascope.errors import DataError


def manifest(path: Path) -> Dataset:
    """Open the photos that a CSV file lists.

    The columns are `path` (relative to the CSV file's folder, or absolute), `label`, and
    optionally `split` (train, val, valid, validation or test), which gives the split "csv"; where
    it has no val, or no test, a stratified tenth of train stands in (see `split_from_subsets`).

    Args:
        path: the CSV file, in UTF-8, its first line naming the columns.

    Returns:
        The photos in the file's order. A class's id and name are its label; the classes are in
        natural order.

    Raises:
        DataError: the file cannot be read, a line lacks something or names a photo for the second
            time, photos are missing, or there is one class only.
    """
    table = read_table(path)
    table.require("path", "label")
    photos = [FilePhoto(_file(table, row), path.parent) for row in table.rows]
    _check_once(table, photos)
    _check_present(table, photos)
    words = [_label(table, row) for row in table.rows]
    names = sorted(set(words), key=natural_key)
    index = {name: k for k, name in enumerate(names)}
    labels = np.array([index[word] for word in words], dtype=np.int64)
    subsets = [subset_of(table, row) for row in table.rows] if "split" in table.columns else []
    own_splits = split_from_subsets("csv", subsets, labels) if subsets else {}
    return Dataset(path.name, photos, labels, tuple(ClassName(n, n) for n in names), own_splits)


def _file(table: Table, row: Row) -> Path:
    return table.path.parent / _filled(table, row, "path")


def _filled(table: Table, row: Row, column: str) -> str:
    if not row.cells[column]:
        raise table.problem(row, f"no {column}", expected=f"a {column} in every line")
    return row.cells[column]


def _label(table: Table, row: Row) -> str:
    word = _filled(table, row, "label")
    if not is_showable(word):
        raise table.problem(
            row,
            f"label {word[:40]!r} of {len(word)} characters",
            expected=f"at most {MAX_NAME} characters, and no control characters",
        )
    return word


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _check_once(table: Table, photos: list[FilePhoto]) -> None:
    lines: dict[Path, int] = {}
    for row, photo in zip(table.rows, photos, strict=True):
        if photo.path in lines:
            raise table.problem(
                row,
                f"{row.cells['path']} was already listed in line {lines[photo.path]}",
                expected="each photo once",
            )
        lines[photo.path] = row.line


def _check_present(table: Table, photos: list[FilePhoto]) -> None:
    rows = zip(table.rows, photos, strict=True)
    missing = [f"{row.cells['path']} (line {row.line})" for row, p in rows if not _is_file(p.path)]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(
            f"{len(missing)} of {len(photos)} photos in {table.path} are missing:"
            f" {', '.join(missing[:3])}{more}",
            expected=f"paths relative to {table.path.parent}",
        )
