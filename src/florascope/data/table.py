"""CSV files with a header, as spreadsheets and programs write them; errors name the line."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from florascope.errors import DataError

DELIMITERS = ",;\t|"
WORDS = {
    "path": "path image filename file filepath image_path file_path img image_name file_name photo"
    " picture ruta imagen archivo foto",
    "label": "label class category target species class_name label_name etiqueta clase especie",
    "split": "split subset set partition conjunto particion partición",
}
"""What a column of each meaning may be called, spaces and hyphens as underscores."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ZERO = re.compile("\x00")  # UTF-16 without its mark
_COMMANDS = re.compile("[\x00-\x08\x0e-\x1f]")  # in no text: what a photo would decode to
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*')  # the first line that Excel understands


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
        columns: the header's names, in lower case; `path`, `label` and `split` by these names
            whatever the file calls them (WORDS).
        rows: at least one.
        header: the first line, as it stands in the file.
        remarks: what its reader should know of how it was read.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    header: str = ""
    remarks: tuple[str, ...] = ()

    def require(self, *columns: str) -> None:
        """Check that the header names these columns.

        Raises:
            DataError: one is missing.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            named = ",".join(columns)
            raise DataError(
                f"{self.path} has no column {missing[0]!r}; its first line reads {self.header!r}",
                expected=f"a first line that names the columns, {named}",
                fix=f"Write {named} above the first line, or in place of its names",
            )

    def problem(self, row: Row, found: str, expected: str = "", fix: str = "") -> DataError:
        """Make an error that names the row's line."""
        return DataError(f"{self.path}, line {row.line}: {found}", expected=expected, fix=fix)


def path_spellings(text: str) -> tuple[str, ...]:
    """Return a path as it is written, then as Windows meant it where it has backslashes."""
    return (text, text.replace("\\", "/")) if "\\" in text else (text,)


def read_table(path: Path) -> Table:
    r"""Read a CSV file with a header.

    Cells may be divided by commas, semicolons, tabs or |, whichever the header has most of. The
    text may be UTF-8, UTF-16 or UTF-32 with a byte order mark, or Windows-1252, which is remarked.

    Raises:
        DataError: the file is missing, empty, no text, ragged, or names two columns alike.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error})", expected="a .csv file"
        ) from error
    text, remarks = _decoded(path, data)
    lines = list(io.StringIO(text, newline=""))
    told = _SEPARATOR.fullmatch(lines[0]) if lines else None
    first = next((line for line in lines[bool(told) :] if line.strip()), "")
    delimiter = told[1] if told else max(DELIMITERS, key=lambda mark: len(_cells(first, mark)))
    reader = csv.reader(lines[bool(told) :], delimiter=delimiter, strict=True)
    try:
        found = [(reader.line_num + bool(told), _trimmed(cells)) for cells in reader]
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num + bool(told)}: {error}", expected="CSV"
        ) from error
    rows = [(line, cells) for line, cells in found if cells]
    return _table(path, rows, first.strip(), remarks)


def _decoded(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    text = _text(data, encoding)
    if text is not None:
        return text, ()
    if encoding == "utf-8" and (text := _text(data, "cp1252")):
        remark = f"{path.name} is not UTF-8, and was read as Windows-1252: check the accents"
        return text, (f"{remark}, or save it as CSV UTF-8",)
    raise DataError(
        f"{path} is not {encoding.removesuffix('-sig').upper()} text", fix="Save it as CSV UTF-8"
    )


def _text(data: bytes, encoding: str) -> str | None:
    """Decode; None where the bytes are of another encoding, or of no text at all."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if (_COMMANDS if encoding == "cp1252" else _ZERO).search(text) else text


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Strip the cells, and leave out the empty ones that spreadsheets write at the end."""
    stripped = [cell.strip() for cell in cells]
    while stripped and not stripped[-1]:
        stripped.pop()
    return stripped


def _table(
    path: Path, lines: list[tuple[int, list[str]]], header: str, remarks: tuple[str, ...]
) -> Table:
    if len(lines) < 2:
        raise DataError(
            f"{path} has {len(lines)} lines of text",
            expected="a first line that names the columns, and a line for each photo",
        )
    columns = _named(path, tuple(cell.lower() for cell in lines[0][1]))
    for line, cells in lines[1:]:
        if len(cells) > len(columns):
            raise DataError(
                f"{path}, line {line}: {len(cells)} cells",
                expected=f"{len(columns)} ({', '.join(columns)})",
                fix="Put quotes around a cell that holds the separator",
            )
    rows = (Row(line, dict(zip_longest(columns, cells, fillvalue=""))) for line, cells in lines[1:])
    return Table(path, columns, tuple(rows), header, remarks)


def _named(path: Path, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Call the columns that are needed by one name, whatever the file calls them."""
    if len(set(columns)) < len(columns):
        raise DataError(
            f"{path} names a column twice: {','.join(columns)!r}",
            fix="Rename or remove one of them",
        )
    meant: dict[str, str] = {}
    for name, words in WORDS.items():
        known = words.split()
        fitting = [c for c in columns if re.sub(r"[ -]+", "_", c) in known]
        if name in columns:
            continue
        if len(fitting) > 1:
            raise DataError(
                f"{path} has {len(fitting)} columns that may be the {name}: {', '.join(fitting)}",
                expected=f"one column called {name}",
                fix=f"Call the one that is meant {name}",
            )
        meant |= dict.fromkeys(fitting, name)
    return tuple(meant.get(column, column) for column in columns)
