"""CSV files: what they hold, and errors that name the line."""

from pathlib import Path

import pytest

from florascope.data.table import path_spellings, read_table
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
    table = read_table(written(tmp_path, "foo;label\na.jpg;rose\n"))
    with pytest.raises(
        DataError, match=r"no column 'path'; its first line reads 'foo;label'"
    ) as info:
        table.require("path", "label")
    assert info.value.expected == "a first line that names the columns, path,label"
    cured = written(tmp_path, "path,label\nrose,a.jpg\n")
    read_table(cured).require("path", "label")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_what_spreadsheets_write(mark: str, encoding: str, end: str, tmp_path: Path) -> None:
    cells = (("path", "label"), ('"a, b; c|d\t.jpg"', '"one, ""two"""'), ("x.jpg", "Gänseblümchen"))
    lines = (*map(mark.join, cells), "")
    text = end.join(lines)
    marked = encoding == "utf-16-le-mark"
    content = ("\ufeff" + text).encode("utf-16-le") if marked else text.encode(encoding)
    table = read_table(written(tmp_path, content))
    assert table.columns == ("path", "label")
    assert [row.cells for row in table.rows] == [
        {"path": "a, b; c|d\t.jpg", "label": 'one, "two"'},
        {"path": "x.jpg", "label": "Gänseblümchen"},
    ]
    assert [row.line for row in table.rows] == [2, 3]
    assert len(table.remarks) == (encoding == "cp1252")


def test_windows_1252_is_remarked(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path,label\na.jpg,café\n".encode("cp1252")))
    assert table.rows[0].cells["label"] == "café"
    assert table.remarks == (
        "t.csv is not UTF-8, and was read as Windows-1252: check the accents, or save it as CSV"
        " UTF-8",
    )


def test_excels_first_line_names_the_separator(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "sep=;\npath;label\na,b.jpg;rose\n"))
    assert [(row.line, row.cells) for row in table.rows] == [
        (3, {"path": "a,b.jpg", "label": "rose"})
    ]


def test_empty_cells_at_the_end_are_left_out(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path,label,,\na.jpg,rose,,\nb.jpg,rose\n,,,\n"))
    assert table.columns == ("path", "label")
    assert [row.cells["path"] for row in table.rows] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("image,class", ("path", "label")),
        ("Filename,Species", ("path", "label")),
        ("file,category", ("path", "label")),
        ("Image Path,Target,Set", ("path", "label", "split")),
        ("imagen,etiqueta,conjunto", ("path", "label", "split")),
        ("path,image,label,class", ("path", "image", "label", "class")),
        ("image_id,label,split", ("image_id", "label", "split")),
    ],
)
def test_usual_names_of_columns(header: str, columns: tuple[str, ...], tmp_path: Path) -> None:
    values = ",".join(map(str, range(len(columns))))
    assert read_table(written(tmp_path, f"{header}\n{values}\n")).columns == columns


def test_two_columns_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 columns that may be the label: class, species") as info:
        read_table(written(tmp_path, "path,class,species\na,b,c\n"))
    assert info.value.fix == "Call the one that is meant label"
    cured = written(tmp_path, "path,label,species\na,b,c\n")
    assert read_table(cured).rows[0].cells["label"] == "b"


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


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "UTF-8"),
        ("path,label\na,b\n".encode("utf-16-le"), "UTF-8"),
        (b"\xff\xfe\x00", "UTF-16"),
        (b"path,label\na,\x81\n", "UTF-8"),
    ],
    ids=["a photo", "UTF-16 without its mark", "half a UTF-16", "no byte of Windows-1252"],
)
def test_what_is_no_text(content: bytes, kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"t\.csv is not {kind} text\. Save it as CSV UTF-8"):
        read_table(written(tmp_path, content))


def test_a_line_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 3: 3 cells\. expected 2 \(path, label\)") as info:
        read_table(written(tmp_path, "path,label\nb.jpg,rose\na, b.jpg,rose\n"))
    assert info.value.fix == "Put quotes around a cell that holds the separator"
    cured = written(tmp_path, 'path,label\nb.jpg,rose\n"a, b.jpg",rose\n')
    assert read_table(cured).rows[1].cells["path"] == "a, b.jpg"


def test_a_line_that_is_too_short_lacks_its_cells(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "path,label\nb.jpg,rose\na.jpg\n"))
    assert table.rows[1].cells == {"path": "a.jpg", "label": ""}


@pytest.mark.parametrize(
    ("text", "spellings"),
    [("a/b.jpg", ("a/b.jpg",)), (r"a\b\c.jpg", (r"a\b\c.jpg", "a/b/c.jpg"))],
)
def test_path_spellings(text: str, spellings: tuple[str, ...]) -> None:
    assert path_spellings(text) == spellings


def test_a_column_named_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names a column twice: 'path,path'"):
        read_table(written(tmp_path, "path,Path\na,b\n"))


def test_broken_quotes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv, line 2: .*expected CSV"):
        read_table(written(tmp_path, 'path,label\n"a"b.jpg,rose\n'))
