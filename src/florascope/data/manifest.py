"""A CSV that names photos and their classes: path,label[,split]."""

from pathlib import Path

from florascope.data.dataset import Dataset
from florascope.data.folder import from_rows
from florascope.data.splits import read_rows, subset_name
from florascope.errors import DataError


def manifest(path: Path) -> Dataset:
    """Read a manifest; relative paths start at the CSV's folder.

    A split column (train, val, test) becomes the data set's own split "csv".

    Raises:
        DataError: a column, label or photo file is missing; the line is named.
    """
    rows = read_rows(path, ("path", "label"))
    split = "csv" if "split" in rows[0] else ""
    photos = [_row(path, line, row, split) for line, row in enumerate(rows, start=2)]
    missing = [p for p, *_ in photos if not p.is_file()]
    if missing:
        names = ", ".join(str(p) for p in missing[:3])
        raise DataError(
            f"{path} names {len(missing)} files that do not exist (first: {names})",
            expected="paths relative to the CSV's folder, or absolute ones",
        )
    return from_rows(str(path), photos, split)


def _row(path: Path, line: int, row: dict[str, str], split: str) -> tuple[Path, str, str]:
    if not row["path"] or not row["label"]:
        raise DataError(f"{path}, line {line} lacks a path or a label", expected="path,label")
    try:
        subset = subset_name(row["split"]) if split else ""
    except DataError as error:
        raise DataError(f"{path}, line {line}: {error.found}", expected=error.expected) from error
    return path.parent / row["path"], row["label"], subset
