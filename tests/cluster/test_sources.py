"""What a source lists, in a fixed order."""

import io
import os
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs, parquet
from tests.cluster.conftest import S3

from florascope.cluster import sources
from florascope.cluster.sources import Listed, list_photos
from florascope.cluster.storage import read_whole
from florascope.errors import DataError

NAMES = ["lily/0.jpg", "lily/2.jpg", "lily/4.jpg", "lily/6.jpg"]
NAMES += ["rose/1.jpg", "rose/3.jpg", "rose/5.jpg", "rose/7.jpg", "rose/bad.jpg"]


def test_a_folder(photos: Path) -> None:
    listed = list(list_photos(str(photos)))
    assert [os.path.relpath(one.path, photos) for one in listed] == NAMES
    assert [one.label for one in listed] == ["lily"] * 4 + ["rose"] * 5
    assert all(one.place == one.path and one.size == -1 and one.state for one in listed)


def test_train_and_test_folders(tmp_path: Path) -> None:
    for name in ("train/rose/1.jpg", "Testing/rose/2.jpg", "3.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    ignored = Counter[str]()
    listed = [(one.split, one.label) for one in list_photos(str(tmp_path), ignored)]
    assert listed == [("", ""), ("test", "rose"), ("train", "rose")]
    assert +ignored == {".txt": 1}


def test_one_photo(photos: Path) -> None:
    (only,) = list_photos(str(photos / "lily" / "0.jpg"))
    assert only.path == str(photos / "lily" / "0.jpg")


@pytest.mark.parametrize(("delimiter", "column"), [(",", "path"), (";", "URL"), ("\t", "archivo")])
def test_a_csv_list(tmp_path: Path, photos: Path, delimiter: str, column: str) -> None:
    rows = [
        [column, "Label", "split", "note"],
        ["a/1.jpg", "rose", "training", "x"],
        [str(photos / "lily" / "0.jpg"), "lily", "", ""],
        [],
        ["https://h/2.jpg?sig=abc", "", "spare"],
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "list.csv").write_text(text, encoding="utf-8", newline="")
    one, two, three = list_photos(str(tmp_path / "list.csv"))
    assert (one.path, one.place) == ("a/1.jpg", str(tmp_path / "a/1.jpg"))
    assert (one.label, one.split, one.state) == ("rose", "train", "")
    assert (two.path, two.label) == (str(photos / "lily" / "0.jpg"), "lily")
    assert two.state
    assert three == Listed(
        "https://h/2.jpg?sig=***", "https://h/2.jpg?sig=abc", label="", split="spare"
    )


def test_a_parquet_list(tmp_path: Path) -> None:
    table = pa.table({"label": [3, None], "image": ["s3://b/1.jpg", "2.jpg"]})
    parquet.write_table(table, tmp_path / "list.parquet")
    one, two = list_photos(str(tmp_path / "list.parquet"))
    assert one == Listed("s3://b/1.jpg", "s3://b/1.jpg", label="3")
    assert (two.place, two.label) == (str(tmp_path / "2.jpg"), "")


def _tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_webdataset_shards(tmp_path: Path) -> None:
    _tar(tmp_path / "x-08.tar", {"a/1.cls": b"4\n", "a/1.jpg": b"one", "a/2.jpg": b"two!"})
    _tar(tmp_path / "x-09.tar", {"a/1.seg.png": b"three", "a/1.cls": b"rose", "a/1.json": b"{}"})
    by_braces = list(list_photos(str(tmp_path / "x-{08..09}.tar")))
    assert by_braces == list(list_photos(str(tmp_path)))
    assert [read_whole(p.place, p.offset, p.size) for p in by_braces] == [b"one", b"two!", b"three"]
    assert [p.label for p in by_braces] == ["4", "", "rose"]
    assert by_braces[0].path == str(tmp_path / "x-08.tar/a/1.jpg")


def test_object_storage(s3: S3) -> None:
    for name in (
        "in/train/rose/10.jpg",
        "in/train/rose/9.jpg",
        "in/1.JPG",
        "in/.x.jpg",
        "in/a.txt",
    ):
        s3.put(f"museum/{name}", b"photo")
    s3.put("museum/in/list.csv", b"path\n1.JPG\ns3://other/2.jpg\n")
    listed = list(list_photos("s3://museum/in/"))
    names = ["1.JPG", "train/rose/9.jpg", "train/rose/10.jpg"]
    assert [one.path for one in listed] == [f"s3://museum/in/{name}" for name in names]
    assert [(one.split, one.label) for one in listed] == [("", ""), *[("train", "rose")] * 2]
    assert all(one.state.startswith("5 ") for one in listed)
    places = [one.place for one in list_photos("s3://museum/in/list.csv")]
    assert places == ["s3://museum/in/1.JPG", "s3://other/2.jpg"]


class AsGoogle:
    """A folder as Arrow shows Google's storage: what is no object is not listed."""

    type_name = "gcs"

    def __init__(self, root: Path) -> None:
        self.under = fs.SubTreeFileSystem(str(root), fs.LocalFileSystem())

    def get_file_info(self, selector: Any) -> list[Any]:
        found: list[Any] = self.under.get_file_info(selector)
        return [info for info in found if info.is_file]


def test_googles_storage_has_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b/10.jpg", "b/9.jpg", "a/deep/1.jpg", "a/2.jpg", "3.jpg", ".trash/4.jpg"):
        (tmp_path / "museum" / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "museum" / "in" / name).write_bytes(b"photo")
    monkeypatch.setattr(sources, "locate", lambda _: (AsGoogle(tmp_path), "museum/in"))
    listed = list(list_photos("gs://museum/in"))
    names = ["3.jpg", "a/2.jpg", "a/deep/1.jpg", "b/9.jpg", "b/10.jpg"]
    assert [one.path for one in listed] == [f"gs://museum/in/{name}" for name in names]
    assert [one.label for one in listed] == ["", "a", "deep", "b", "b"]
    as_here = [one.path for one in list_photos(str(tmp_path / "museum" / "in"))]
    assert sorted(as_here) == sorted(str(tmp_path / "museum" / "in" / name) for name in names)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "is no file or folder. expected a folder, a .csv"),
        ("none.csv", None, "none.csv cannot be read .*No such file"),
        ("a.csv", b"name,label\n1,2\n", "has the columns name, label. expected one called path"),
        ("a.parquet", b"no parquet", "a.parquet cannot be read"),
        ("a.tar", b"no tar" * 200, "a.tar cannot be read"),
    ],
)
def test_what_lists_nothing(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(list_photos(str(tmp_path / name)))


def test_a_bucket_that_is_not_there(s3: S3) -> None:
    with pytest.raises(DataError, match="cannot be listed"):
        list(list_photos("s3://nobody/in"))
