"""Splits from CSV files, against the file's own lines."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102
from florascope.data.split_file import split_from_csv
from florascope.errors import DataError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def flowers(photo_folder: Path) -> Dataset:
    """Photos daisy/1.jpg to daisy/10.jpg (indexes 0 to 9), then rose/ and violet/."""
    return folder(photo_folder)


@pytest.fixture
def oxford() -> Dataset:
    """Five photos with Oxford's file names and class ids."""
    photos = [FilePhoto(Path(f"jpg/image_{n:05d}.jpg"), Path("jpg")) for n in range(1, 6)]
    classes = (ClassName("77", "passion flower"), ClassName("102", "blackberry lily"))
    return Dataset("Oxford", photos, np.array([0, 0, 1, 1, 0]), classes)


class TestPaths:
    def test_photos_by_name(self, flowers: Dataset, tmp_path: Path) -> None:
        path = write(
            tmp_path / "s.csv",
            "path,label,split",
            "rose/2.jpg,rose,train",
            "daisy/10.jpg,daisy,Validation",
            "daisy/1.jpg,daisy,train",
            "violet/3.jpg,violet,test",
        )
        split = split_from_csv(path, flowers)
        assert split.name == "s.csv"
        assert split.train.tolist() == [0, 11]
        assert split.val.tolist() == [9]
        assert split.test.tolist() == [22]

    def test_photos_by_path_from_the_csv_files_folder(
        self, flowers: Dataset, photo_folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "splits").mkdir()
        path = write(
            tmp_path / "splits" / "s.csv",
            "path,split",
            f"{photo_folder}/daisy/1.jpg,train",
            "../photos/daisy/2.jpg,val",
            "../splits/../photos/daisy/3.jpg,test",
        )
        split = split_from_csv(path, flowers)
        assert [part.tolist() for _, part in split.items()] == [[0], [1], [2]]

    def test_photos_by_a_file_name_that_is_unique(self, photo_folder: Path, tmp_path: Path) -> None:
        (photo_folder / "rose" / "1.jpg").rename(photo_folder / "rose" / "alone.jpg")
        path = write(tmp_path / "s.csv", "path,split", "alone.jpg,test")
        data = folder(photo_folder)
        split = split_from_csv(path, data)
        assert [data.photos[i].name for i in split.test] == ["rose/alone.jpg"]

    def test_a_full_name_wins_over_file_names(self, tmp_path: Path) -> None:
        photos = [FilePhoto(tmp_path / p, tmp_path) for p in ("1.jpg", "rose/1.jpg")]
        data = Dataset("d", photos, np.array([0, 1]), (ClassName("a", "a"), ClassName("b", "b")))
        path = write(tmp_path / "s.csv", "path,split", "1.jpg,test")
        assert split_from_csv(path, data).test.tolist() == [0]

    def test_a_file_name_that_several_share_is_refused(
        self, flowers: Dataset, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "s.csv", "path,split", "rose/2.jpg,train", "1.jpg,test")
        with pytest.raises(DataError, match=r"s\.csv, line 3: path '1.jpg' fits 3 photos") as info:
            split_from_csv(path, flowers)
        assert info.value.expected == "one, named like 'daisy/1.jpg'"

    def test_an_unknown_photo_is_refused(self, flowers: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", "path,split", "tulip/1.jpg,train")
        with pytest.raises(DataError, match=r"line 2: path 'tulip/1.jpg' fits 0 photos of photos"):
            split_from_csv(path, flowers)

    def test_a_photo_named_twice_is_refused(self, flowers: Dataset, tmp_path: Path) -> None:
        path = write(
            tmp_path / "s.csv", "path,split", "rose/2.jpg,train", "", "photos/rose/2.jpg,test"
        )
        with pytest.raises(DataError, match=r"line 4: photos/rose/2.jpg .* named in line 2\."):
            split_from_csv(path, flowers)

    def test_another_subset_is_refused(self, flowers: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", "path,split", "rose/2.jpg,dev")
        with pytest.raises(DataError, match=r"line 2: split 'dev'\. expected one of train, val"):
            split_from_csv(path, flowers)

    @pytest.mark.parametrize("header", ["label,split", "path,label"])
    def test_the_columns_are_needed(self, header: str, flowers: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", header, "rose/2.jpg,rose")
        with pytest.raises(DataError, match="has no column") as info:
            split_from_csv(path, flowers)
        assert "names path, split" in info.value.expected


class TestImageIds:
    def test_are_numbers_of_oxfords_photos_from_one(self, oxford: Dataset, tmp_path: Path) -> None:
        lines = ["1,77,train", "5,77,valid", "3,102,test", "2,77,train"]
        split = split_from_csv(write(tmp_path / "s.csv", "image_id,label,split", *lines), oxford)
        assert [part.tolist() for _, part in split.items()] == [[0, 1], [4], [2]]

    def test_find_oxfords_photos_in_class_folders(self, tmp_path: Path) -> None:
        photos = [FilePhoto(tmp_path / p, tmp_path) for p in ("1/image_00007.jpg", "2/x.jpg")]
        data = Dataset("d", photos, np.array([0, 1]), (ClassName("1", "1"), ClassName("2", "2")))
        path = write(tmp_path / "s.csv", "image_id,label,split", "7,1,test")
        assert split_from_csv(path, data).test.tolist() == [0]

    @pytest.mark.parametrize("label", ["77", "passion flower"])
    def test_labels_may_be_ids_or_names(self, label: str, oxford: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", "image_id,label,split", f"1,{label},train")
        assert split_from_csv(path, oxford).train.tolist() == [0]

    def test_a_wrong_label_is_refused(self, oxford: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", "image_id,label,split", "1,77,train", "3,77,train")
        with pytest.raises(DataError, match=r"line 3: label '77' for image_00003.jpg") as info:
            split_from_csv(path, oxford)
        assert info.value.expected == "'102', its class in Oxford"

    @pytest.mark.parametrize("number", ["0", "6", "99999"])
    def test_a_number_beyond_the_photos_is_refused(
        self, number: str, oxford: Dataset, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "s.csv", "image_id,split", f"{number},train")
        with pytest.raises(DataError, match=f"image_id '{number}' fits 0 photos of Oxford"):
            split_from_csv(path, oxford)

    @pytest.mark.parametrize("number", ["one", "-1", "1.0", "", "²"])
    def test_what_is_no_number_is_refused(
        self, number: str, oxford: Dataset, tmp_path: Path
    ) -> None:
        path = write(tmp_path / "s.csv", "image_id,split", f"{number},train")
        with pytest.raises(DataError, match=f"line 2: image_id '{number}'. expected a whole"):
            split_from_csv(path, oxford)


@pytest.mark.real_data
def test_the_split_that_many_courses_use(real_data: Path) -> None:
    data = oxford102(real_data)
    path = real_data / "flowers-102" / "split_80_10_10_udacity.csv"
    split = split_from_csv(path, data)
    with path.open() as file:
        lines = list(csv.DictReader(file))
    assert {s: len(part) for s, part in split.items()} == {"train": 6552, "val": 818, "test": 819}
    assert Counter(line["split"] for line in lines) == {"train": 6552, "valid": 818, "test": 819}
    tested = {int(line["image_id"]) - 1 for line in lines if line["split"] == "test"}
    assert set(split.test.tolist()) == tested
