"""CSV files with a header, read so that errors can name the line."""

import csv
from dataclasses import dataclass
from pathlib import Path

from florascope.errors import DataError


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        line: its number in the file, from 1 (the header).
        cells: column name -> text, without the spaces around it.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file's rows.

    Attributes:
        path: the file.
        columns: the header's names, in lower case.
        rows: at least one.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, *columns: str) -> None:
        """Check that the header names these columns.

        Raises:
            DataError: one is missing.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise DataError(
                f"{self.path} has no column {missing[0]!r}; its first line reads"
                f" {','.join(self.columns)!r}",
                expected=f"a first line that names {', '.join(columns)}, separated by commas",
            )

    def problem(self, row: Row, found: str, expected: str = "", fix: str = "") -> DataError:
        """Make an error that names the row's line."""
        return DataError(f"{self.path}, line {row.line}: {found}", expected=expected, fix=fix)


def read_table(path: Path) -> Table:
    """Read a CSV file with a header, in UTF-8 with or without a byte order mark.

    Raises:
        DataError: the file is missing, empty, not UTF-8 or ragged.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error})", expected="a .csv file"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte {error.start})", fix="Save it as CSV UTF-8"
        ) from error
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}", expected="CSV") from error
    return _table(path, [(line, cells) for line, cells in lines if any(cells)])


def _table(path: Path, lines: list[tuple[int, list[str]]]) -> Table:
    if len(lines) < 2:
        raise DataError(
            f"{path} has {len(lines)} lines of text",
            expected="a first line that names the columns, and a line for each photo",
        )
    columns = tuple(cell.lower() for cell in lines[0][1])
    if len(set(columns)) < len(columns):
        raise DataError(f"{path} names a column twice: {','.join(columns)!r}")
    for line, cells in lines[1:]:
        if len(cells) != len(columns):
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells",
                expected=f"{len(columns)} ({', '.join(columns)})",
            )
    rows = (Row(line, dict(zip(columns, cells, strict=True))) for line, cells in lines[1:])
    return Table(path, columns, tuple(rows))
