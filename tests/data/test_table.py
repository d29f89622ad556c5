"""CSV files: what they hold, and errors that name the line."""

from pathlib import Path

import pytest

from florascope.data.table import read_table
from florascope.errors import DataError


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows_know_their_lines(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path,label\na.jpg,rose\n\n b.jpg , daisy \n"))
    assert table.columns == ("path", "label")
    assert [(row.line, row.cells) for row in table.rows] == [
        (2, {"path": "a.jpg", "label": "rose"}),
        (4, {"path": "b.jpg", "label": "daisy"}),
    ]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_utf8(start: bytes, end: bytes, tmp_path: Path) -> None:
    lines = [b"Path,Label", "a.jpg,Gänseblümchen".encode(), b'"b,c.jpg","a ""rose"""', b""]
    table = read_table(written(tmp_path, start + end.join(lines)))
    assert table.columns == ("path", "label")
    assert table.rows[0].cells["label"] == "Gänseblümchen"
    assert table.rows[1].cells == {"path": "b,c.jpg", "label": 'a "rose"'}


def test_a_quoted_line_break_counts_as_a_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 'path,label\n"a\nb.jpg",rose\nc.jpg,rose\n'))
    assert [row.line for row in table.rows] == [3, 4]


def test_require(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path;label\na.jpg;rose\n"))
    with pytest.raises(
        DataError, match=r"no column 'path'; its first line reads 'path;label'"
    ) as info:
        table.require("path", "label")
    assert info.value.expected == "a first line that names path, label, separated by commas"
    read_table(written(tmp_path, "label,path\nrose,a.jpg\n")).require("path", "label")


def test_problem_names_the_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path\na.jpg\n"))
    error = table.problem(table.rows[0], "odd", "even", "Add one")
    assert str(error) == f"{table.path}, line 2: odd. expected even. Add one."


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv cannot be read \(No such file") as info:
        read_table(tmp_path / "gone.csv")
    assert info.value.expected == "a .csv file"


@pytest.mark.parametrize(("content", "lines"), [("", 0), ("\n\n", 0), ("path,label\n", 1)])
def test_no_rows(content: str, lines: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"t\.csv has {lines} lines of text"):
        read_table(written(tmp_path, content))


def test_other_encodings(tmp_path: Path) -> None:
    content = "path,label\na.jpg,Gänseblümchen\n".encode("latin-1")
    with pytest.raises(DataError, match=r"is not UTF-8 text \(byte 18\)\. Save it as CSV UTF-8"):
        read_table(written(tmp_path, content))


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg,rose,train"])
def test_a_ragged_line(line: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"line 3: {line.count(',') + 1} cells\. expected 2 \("):
        read_table(written(tmp_path, f"path,label\nb.jpg,rose\n{line}\n"))


def test_a_column_named_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names a column twice: 'path,path'"):
        read_table(written(tmp_path, "path,Path\na,b\n"))


def test_broken_quotes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv, line 2: .*expected CSV"):
        read_table(written(tmp_path, 'path,label\n"a"b.jpg,rose\n'))
