"""Manifests: what they list, and errors that name the line."""

from pathlib import Path

import numpy as np
import pytest

from florascope.data.dataset import ClassName
from florascope.data.manifest import manifest
from florascope.errors import DataError


def listed(root: Path, *lines: str, header: str = "path,label", start: str = "") -> Path:
    path = root / "photos.csv"
    path.write_text(start + "\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_photos_and_labels_in_the_files_order(start: str, photo_folder: Path) -> None:
    path = listed(
        photo_folder,
        "rose/1.jpg,Rosa canina",
        "violet/2.jpg,9",
        "rose/3.jpg,10",
        "daisy/../daisy/1.jpg,Gänseblümchen",
        start=start,
    )
    data = manifest(path)
    assert data.name == "photos.csv"
    assert [c.id for c in data.classes] == ["9", "10", "Gänseblümchen", "Rosa canina"]
    assert [c.name for c in data.classes] == [c.id for c in data.classes]
    assert data.labels.tolist() == [3, 0, 1, 2]
    assert data.photos[0].name == "rose/1.jpg"
    assert data.photos[0].read()[..., 0].mean() == pytest.approx(200, abs=4)
    assert data.own_splits == {}


def test_absolute_paths(photo_folder: Path, tmp_path: Path) -> None:
    lines = [f"{photo_folder}/{name}/1.jpg,{name}" for name in ("rose", "daisy")]
    (tmp_path / "elsewhere").mkdir()
    data = manifest(listed(tmp_path / "elsewhere", *lines))
    assert data.photos[0].read().shape == (30, 40, 3)


def test_relative_paths_start_at_the_csv_not_at_the_working_folder(
    photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(photo_folder, "rose/1.jpg,a", "daisy/1.jpg,b")
    monkeypatch.chdir(tmp_path)
    data = manifest(Path("photos/photos.csv"))
    assert [photo.read().shape for photo in data.photos] == [(30, 40, 3)] * 2


def test_a_split_column(photo_folder: Path) -> None:
    words = ["train"] * 6 + ["valid", "Validation", "test", "val"]
    lines = [f"rose/{i}.jpg,{'ab'[i % 2]},{word}" for i, word in enumerate(words, start=1)]
    data = manifest(listed(photo_folder, *lines, header="path,label,split"))
    split = data.own_splits["csv"]
    assert split.name == "csv"
    assert split.train.tolist() == [0, 1, 2, 3, 4, 5]
    assert split.val.tolist() == [6, 7, 9]
    assert split.test.tolist() == [8]


def test_a_split_column_without_val(photo_folder: Path) -> None:
    lines = [f"{c}/{i}.jpg,{c},train" for c in ("rose", "daisy") for i in range(1, 10)]
    lines += ["rose/10.jpg,rose,test", "daisy/10.jpg,daisy,test"]
    data = manifest(listed(photo_folder, *lines, header="path,label,split"))
    split = data.own_splits["csv"]
    assert split.name == "csv (val: 10% of train)"
    assert split.test.tolist() == [18, 19]
    assert np.bincount(data.labels[split.val]).tolist() == [1, 1]


def test_columns_are_needed(photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/1.jpg,rose", header="foo,label")
    with pytest.raises(DataError, match="no column 'path'; its first line reads 'foo,label'"):
        manifest(path)


def test_a_missing_header_shows_as_such(photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/2.jpg,rose", header="rose/1.jpg,rose")
    with pytest.raises(DataError, match=r"first line reads 'rose/1\.jpg,rose'") as info:
        manifest(path)
    assert info.value.fix == "Write path,label above the first line, or in place of its names"


@pytest.mark.parametrize(("line", "lacking"), [(",rose", "path"), ("rose/2.jpg, ", "label")])
def test_an_empty_cell(line: str, lacking: str, photo_folder: Path) -> None:
    with pytest.raises(
        DataError, match=rf"photos\.csv, line 3: no {lacking}\. expected a {lacking}"
    ):
        manifest(listed(photo_folder, "rose/1.jpg,rose", line))


@pytest.mark.parametrize("word", ["later", ""])
def test_another_subset(word: str, photo_folder: Path) -> None:
    lines = ["rose/1.jpg,rose,train", f"daisy/1.jpg,daisy,{word}"]
    path = listed(photo_folder, *lines, header="path,label,split")
    with pytest.raises(DataError, match=f"line 3: split '{word}'. expected one of train, val"):
        manifest(path)


def test_a_photo_listed_twice(photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/1.jpg,rose", "daisy/1.jpg,daisy", "rose/1.jpg,daisy")
    with pytest.raises(DataError, match=r"line 4: rose/1\.jpg was already listed in line 2"):
        manifest(path)


def test_missing_photos_are_named_and_counted(photo_folder: Path) -> None:
    lines = [f"rose/{i}.jpg,rose" for i in range(9, 16)]
    with pytest.raises(DataError, match=r"5 of 7 photos in .* are missing") as info:
        manifest(listed(photo_folder, *lines))
    assert info.value.found.endswith(
        "rose/11.jpg (line 4), rose/12.jpg (line 5), rose/13.jpg (line 6) and 2 more"
    )
    assert info.value.expected == f"paths relative to {photo_folder}"


def test_three_missing_photos_are_all_named(photo_folder: Path) -> None:
    lines = [f"rose/{i}.jpg,rose" for i in range(10, 14)]
    with pytest.raises(DataError, match=r"rose/13\.jpg \(line 5\)\. expected"):
        manifest(listed(photo_folder, *lines))


def test_one_class_can_measure(photo_folder: Path) -> None:
    opened = manifest(listed(photo_folder, "rose/1.jpg,rose", "rose/2.jpg,rose"))
    assert (len(opened), opened.classes) == (2, (ClassName("rose", "rose"),))


@pytest.mark.parametrize("label", ["\x1b[2J", "a\u202eb", "x" * 256, "9" * 5000])
def test_a_label_that_cannot_be_shown(label: str, photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/1.jpg,a", f"rose/2.jpg,{label}")
    with pytest.raises(DataError, match=r"line 3: label .* characters") as info:
        manifest(path)
    assert info.value.expected == "at most 255 characters, and no control characters"


@pytest.mark.parametrize("name", ["x" * 5000, "rose/" * 900 + "1.jpg"])
def test_a_path_that_no_file_can_have(name: str, photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/1.jpg,a", f"{name},b")
    with pytest.raises(DataError, match="1 of 2 photos .* are missing"):
        manifest(path)


def test_paths_with_backslashes(photo_folder: Path) -> None:
    (photo_folder / r"odd\name.jpg").write_bytes((photo_folder / "rose" / "1.jpg").read_bytes())
    lines = (r"rose\2.jpg,rose", r".\daisy\1.jpg,daisy", r"odd\name.jpg,rose")
    photos = manifest(listed(photo_folder, *lines)).photos
    assert [photo.name for photo in photos] == ["rose/2.jpg", "daisy/1.jpg", r"odd\name.jpg"]
    assert all(photo.read().shape == (30, 40, 3) for photo in photos)


@pytest.mark.parametrize("word", ["nan", "NaN", "NA", "N/A", "#N/A", "<NA>", "null", "None"])
def test_a_word_for_no_label(word: str, photo_folder: Path) -> None:
    path = listed(photo_folder, "rose/1.jpg,rose", f"daisy/1.jpg,{word}")
    with pytest.raises(DataError, match=f"line 3: label '{word}', which stands for none") as info:
        manifest(path)
    assert info.value.fix == "Remove the line, or call the class otherwise"


def test_none_and_banana_are_labels(photo_folder: Path) -> None:
    data = manifest(listed(photo_folder, "rose/1.jpg,none", "daisy/1.jpg,banana"))
    assert [c.name for c in data.classes] == ["banana", "none"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("1.0", "2.0", "1"), ["1", "2"]),
        (("001", "2.00", "2"), ["001", "2"]),
        (("1.0", "rose", "1"), ["1", "1.0", "rose"]),
        (("1.5", "1.0", "1"), ["1", "1.0", "1.5"]),
    ],
)
def test_whole_numbers_that_a_table_program_wrote(
    labels: tuple[str, ...], names: list[str], photo_folder: Path
) -> None:
    data = manifest(listed(photo_folder, *(f"rose/{i}.jpg,{x}" for i, x in enumerate(labels, 1))))
    assert [c.name for c in data.classes] == names


def test_an_address_is_no_path(photo_folder: Path) -> None:
    path = listed(photo_folder, "https://example.com/1.jpg,rose", "daisy/1.jpg,daisy")
    with pytest.raises(DataError, match=r"line 2: https://example\.com/1\.jpg is a web address"):
        manifest(path)


def test_a_table_in_windows_1252_is_remarked(photo_folder: Path) -> None:
    path = photo_folder / "photos.csv"
    path.write_bytes("imagen;clase\r\nrose\\1.jpg;café\r\ndaisy\\1.jpg;té\r\n".encode("cp1252"))
    data = manifest(path)
    assert [c.name for c in data.classes] == ["café", "té"]
    assert data.remarks[0].startswith("photos.csv is not UTF-8")
