"""A CSV file that lists photos with their labels."""

import re
from pathlib import Path

import numpy as np

from florascope.data.dataset import MAX_NAME, ClassName, Dataset, FilePhoto, is_showable
from florascope.data.names import natural_key
from florascope.data.splits import split_from_subsets, subset_of
from florascope.data.table import Row, Table, path_spellings, read_table
from florascope.errors import DataError
from florascope.files import as_utf8, is_address

MISSING = frozenset(
    {"nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None", "#NULL!"}
)
"""What programs write for a label that is not there (pandas reads these so, too)."""
_WHOLE = re.compile(r"([0-9]+)(\.0+)?")


def manifest(path: Path) -> Dataset:
    """Open the photos that a CSV file lists.

    The columns are `path` (relative to the CSV file's folder, or absolute), `label`, and
    optionally `split` (train, val or test), which gives the split "csv"; where it has no val, or
    no test, a stratified tenth of train stands in (see `split_from_subsets`). Other usual names of
    the columns and the subsets will do: see `florascope.data.table` and `florascope.data.dataset`.

    Args:
        path: the CSV file, its first line naming the columns; see `read_table`.

    Returns:
        The photos in the file's order. A class's id and name are its label; the classes are in
        natural order. Labels that are all whole numbers lose the ".0" that table programs add.

    Raises:
        DataError: the file cannot be read, a line lacks something or names a photo for the second
            time, or photos are missing.
    """
    table = read_table(path)
    table.require("path", "label")
    photos = [FilePhoto(_file(table, row), path.parent) for row in table.rows]
    _check_once(table, photos)
    _check_present(table, photos)
    words = _whole_numbers([_label(table, row) for row in table.rows])
    names = sorted(set(words), key=natural_key)
    index = {name: k for k, name in enumerate(names)}
    labels = np.array([index[word] for word in words], dtype=np.int64)
    subsets = [subset_of(table, row) for row in table.rows] if "split" in table.columns else []
    return Dataset(
        as_utf8(path.name),
        photos,
        labels,
        tuple(ClassName(name, name) for name in names),
        split_from_subsets("csv", subsets, labels) if subsets else {},
        remarks=table.remarks,
    )


def _file(table: Table, row: Row) -> Path:
    """Return the photo's path: as it is written, or with the backslashes of Windows turned."""
    text = _filled(table, row, "path")
    if is_address(text):
        raise table.problem(
            row,
            f"{text} is a web address",
            expected="a path on this machine",
            fix="Download the photos first",
        )
    places = [table.path.parent / spelling for spelling in path_spellings(text)]
    return next((place for place in places if _is_file(place)), places[-1])


def _filled(table: Table, row: Row, column: str) -> str:
    if not row.cells[column]:
        raise table.problem(
            row, f"no {column}", expected=f"a {column} in every line", fix="Remove the line"
        )
    return row.cells[column]


def _label(table: Table, row: Row) -> str:
    word = _filled(table, row, "label")
    if word in MISSING:
        raise table.problem(
            row,
            f"label {word!r}, which stands for none",
            expected="a label in every line",
            fix="Remove the line, or call the class otherwise",
        )
    if not is_showable(word):
        raise table.problem(
            row,
            f"label {word[:40]!r} of {len(word)} characters",
            expected=f"at most {MAX_NAME} characters, and no control characters",
        )
    return word


def _whole_numbers(words: list[str]) -> list[str]:
    """Read 1.0 as 1, where every label is a whole number; others stay as they are written."""
    found = [_WHOLE.fullmatch(word) for word in words]
    return [m[1] for m in found if m] if all(found) else words


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
