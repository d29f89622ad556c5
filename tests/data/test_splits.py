"""Splits from CSV files, against the file's own lines."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.data.dataset import SUBSETS, ClassName, Dataset, FilePhoto, Split
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102
from florascope.data.splits import (
    choose_split,
    deal_folds,
    split_from_csv,
    split_from_subsets,
    stratified,
)
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
        path = write(tmp_path / "s.csv", "path,split", "rose/2.jpg,later")
        with pytest.raises(DataError, match=r"line 2: split 'later'\. expected one of train, val"):
            split_from_csv(path, flowers)

    def test_backslashes_and_other_words(self, flowers: Dataset, tmp_path: Path) -> None:
        lines = ("rose\\2.jpg;Training", "rose\\1.jpg;DEV", "daisy\\1.jpg;eval")
        split = split_from_csv(write(tmp_path / "s.csv", "Image;Subset", *lines), flowers)
        found = [[flowers.photos[i].name for i in part] for _, part in split.items()]
        assert found == [["rose/2.jpg"], ["rose/1.jpg"], ["daisy/1.jpg"]]

    @pytest.mark.parametrize("header", ["label,split", "path,label"])
    def test_the_columns_are_needed(self, header: str, flowers: Dataset, tmp_path: Path) -> None:
        path = write(tmp_path / "s.csv", header, "rose/2.jpg,rose")
        with pytest.raises(DataError, match="has no column") as info:
            split_from_csv(path, flowers)
        assert info.value.expected == "a first line that names the columns, path,split"


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


# Photos of each class; their labels are shuffled below, as in a real source.
COUNTS = st.lists(st.integers(3, 60), min_size=1, max_size=6)
SEEDS = st.integers(0, 2**32)
ROSE, DAISY = ClassName("1", "rose"), ClassName("2", "daisy")


def labels_of(counts: list[int], seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return np.random.default_rng(seed).permutation(labels)


def dataset(counts: tuple[int, int] = (20, 10), **own_splits: Split) -> Dataset:
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(sum(counts))]
    return Dataset("two flowers", photos, labels_of(list(counts)), (ROSE, DAISY), own_splits)


def split(train: list[int], val: list[int], test: list[int], name: str = "mine") -> Split:
    return Split(name, *(np.array(part, dtype=np.int64) for part in (train, val, test)))


class TestStratified:
    @given(COUNTS, SEEDS)
    def test_the_subsets_are_disjoint_and_complete(self, counts: list[int], seed: int) -> None:
        drawn = stratified(labels_of(counts), seed)
        every = np.concatenate([part for _, part in drawn.items()])
        assert sorted(every.tolist()) == list(range(sum(counts)))

    @given(COUNTS, SEEDS)
    def test_every_class_is_in_every_subset(self, counts: list[int], seed: int) -> None:
        labels = labels_of(counts)
        drawn = stratified(labels, seed)
        for subset in SUBSETS:
            assert set(labels[drawn[subset]]) == set(range(len(counts)))

    @given(
        st.lists(st.integers(5, 80), min_size=1, max_size=6),
        SEEDS,
        st.sampled_from([(0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.5, 0.25, 0.25), (0.7, 0.1, 0.2)]),
    )
    def test_counts_lie_within_one_of_the_fractions(
        self, counts: list[int], seed: int, fractions: tuple[float, float, float]
    ) -> None:
        labels = labels_of(counts)
        drawn = stratified(labels, seed, fractions)
        for (_, part), fraction in zip(drawn.items(), fractions, strict=True):
            got = np.bincount(labels[part], minlength=len(counts))
            assert np.abs(got - fraction * np.array(counts)).max() <= 1

    @given(COUNTS, SEEDS)
    def test_the_seed_decides(self, counts: list[int], seed: int) -> None:
        first, again = (stratified(labels_of(counts), seed) for _ in range(2))
        for subset, part in first.items():
            np.testing.assert_array_equal(part, again[subset])

    def test_another_seed_draws_other_photos(self) -> None:
        labels = labels_of([50, 50])
        assert set(stratified(labels, 0).test) != set(stratified(labels, 1).test)

    @pytest.mark.parametrize(
        ("count", "expected"),
        [
            (3, (1, 1, 1)),
            (4, (2, 1, 1)),
            (10, (8, 1, 1)),
            (100, (80, 10, 10)),
            (258, (206, 26, 26)),
        ],
    )
    def test_counts_worked_out_by_hand(self, count: int, expected: tuple[int, int, int]) -> None:
        drawn = stratified(labels_of([count]), 0)
        assert tuple(len(part) for _, part in drawn.items()) == expected

    def test_every_photo_can_be_drawn_for_every_subset(self) -> None:
        labels = labels_of([6])
        for subset in SUBSETS:
            drawn = {int(i) for seed in range(60) for i in stratified(labels, seed)[subset]}
            assert drawn == set(range(6))

    def test_the_indexes_are_sorted(self) -> None:
        drawn = stratified(labels_of([30, 40]), 5)
        for subset in SUBSETS:
            assert (np.diff(drawn[subset]) > 0).all()

    def test_the_split_is_named(self) -> None:
        assert stratified(labels_of([9]), 0).name == "80-10-10"
        assert stratified(labels_of([9]), 0, name="other").name == "other"

    @pytest.mark.parametrize("count", [1, 2])
    def test_a_class_with_fewer_than_three_photos_is_named(self, count: int) -> None:
        with pytest.raises(DataError, match=rf"of class daisy \({count}\)") as info:
            stratified(labels_of([9, count]), 0, classes=(ROSE, DAISY))
        assert info.value.expected.startswith("at least 3 photos of every class")

    def test_without_names_the_class_is_numbered(self) -> None:
        with pytest.raises(DataError, match=r"number 1 \(2\), number 2 \(1\)\. expected"):
            stratified(labels_of([9, 2, 1]), 0)

    def test_many_small_classes_are_counted(self) -> None:
        with pytest.raises(DataError, match=r"number 2 \(1\) and 4 more\. expected"):
            stratified(labels_of([1] * 7), 0)

    @pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (1.2, -0.1, -0.1)])
    def test_fractions_are_positive_and_sum_to_one(
        self, fractions: tuple[float, float, float]
    ) -> None:
        with pytest.raises(DataError, match="three positive numbers that sum to 1"):
            stratified(labels_of([9]), 0, fractions)


class TestSplitFromSubsets:
    labels = np.array([0, 1] * 30, dtype=np.int64)

    def test_all_three(self) -> None:
        words = ["train"] * 40 + ["test"] * 8 + ["val"] * 12
        own = split_from_subsets("folder", words, self.labels)["folder"]
        assert own.name == "folder"
        assert own.train.tolist() == list(range(40))
        assert own.test.tolist() == list(range(40, 48))
        assert own.val.tolist() == list(range(48, 60))

    @pytest.mark.parametrize(("present", "missing"), [("val", "test"), ("test", "val")])
    def test_a_missing_subset_is_a_stratified_tenth_of_train(
        self, present: str, missing: str
    ) -> None:
        words = ["train"] * 40 + [present] * 20
        own = split_from_subsets("csv", words, self.labels)["csv"]
        assert own.name == f"csv ({missing}: 10% of train)"
        assert own[present].tolist() == list(range(40, 60))  # nobody changed sides
        assert np.bincount(self.labels[own[missing]]).tolist() == [2, 2]
        assert sorted([*own.train, *own[missing]]) == list(range(40))
        again = split_from_subsets("csv", words, self.labels)["csv"]
        np.testing.assert_array_equal(own[missing], again[missing])

    def test_the_last_train_photo_of_a_class_stays(self) -> None:
        own = split_from_subsets(
            "csv", ["train"] * 3 + ["test"] * 2, np.array([0, 0, 1, 0, 1], dtype=np.int64)
        )["csv"]
        assert len(own.val) == 1
        assert own.val[0] in {0, 1}
        assert 2 in own.train

    def test_train_alone_is_no_split(self) -> None:
        assert split_from_subsets("folder", ["train"] * 60, self.labels) == {}

    def test_without_train_it_can_only_measure(self) -> None:
        found = split_from_subsets("folder", ["val", "test"] * 30, self.labels)["folder"]
        assert (found.train.tolist(), found.val.tolist()) == ([], list(range(0, 60, 2)))
        with pytest.raises(DataError, match=r"split folder of .* has no train photos"):
            choose_split(replace(dataset((30, 30)), own_splits={"folder": found}), None)


class TestChooseSplit:
    def test_needs_two_classes(self) -> None:
        one = ClassName("rose", "rose")
        alone = replace(dataset((30, 0)), labels=np.zeros(30, np.int64), classes=(one,))
        with pytest.raises(
            DataError, match=r"has 1 class \(rose\)\. expected at least two classes"
        ):
            choose_split(alone, None)

    own = split(list(range(20)), list(range(20, 25)), list(range(25, 30)), "own")

    def test_takes_the_only_own_split(self) -> None:
        assert choose_split(dataset(own=self.own), None, 0) is self.own

    def test_draws_where_there_is_none(self) -> None:
        chosen = choose_split(dataset(), None, 7)
        expected = stratified(dataset().labels, 7)
        assert chosen.name == "80-10-10"
        for subset, part in expected.items():
            np.testing.assert_array_equal(chosen[subset], part)

    def test_draws_where_there_are_several(self) -> None:
        assert choose_split(dataset(own=self.own, other=self.own), None, 0).name == "80-10-10"

    def test_draws_when_told_to(self) -> None:
        assert choose_split(dataset(own=self.own), "80-10-10", 0).name == "80-10-10"

    def test_takes_the_named_one(self) -> None:
        both = dataset(own=split([0], [1], [2]), other=self.own)
        assert choose_split(both, "other", 0) is self.own

    def test_reads_a_csv_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.CSV"
        words = ["train"] * 26 + ["valid"] * 2 + ["test"] * 2
        lines = [f"{i}.jpg,{word}" for i, word in enumerate(words)]
        path.write_text("\n".join(["path,split", *lines]))
        chosen = choose_split(dataset(), str(path), 0)
        assert chosen.name == "mine.CSV"
        assert chosen.train.tolist() == list(range(26))
        assert chosen.val.tolist() == [26, 27]

    def test_lists_what_there_is(self) -> None:
        with pytest.raises(DataError, match="two flowers has no split 'official'") as info:
            choose_split(dataset(own=self.own, other=self.own), "official", 0)
        assert info.value.expected == "one of own, other, 80-10-10, or a .csv file"

    @pytest.mark.parametrize("empty", ["train", "val", "test"])
    def test_names_an_empty_subset(self, empty: str) -> None:
        parts = {"train": list(range(10)), "val": [10, 11], "test": [12, 13], empty: []}
        mine = split(parts["train"], parts["val"], parts["test"])
        with pytest.raises(DataError, match=f"split mine of two flowers has no {empty} photos"):
            choose_split(dataset(mine=mine), "mine", 0)

    def test_names_a_class_without_train_photos(self) -> None:
        daisies = np.flatnonzero(dataset().labels == 1).tolist()
        roses = np.flatnonzero(dataset().labels == 0).tolist()
        mine = split(roses, daisies[:5], daisies[5:])
        with pytest.raises(DataError, match="split mine has no train photo of daisy"):
            choose_split(dataset(mine=mine), "mine", 0)

    def test_names_a_class_too_small_to_draw_from(self) -> None:
        with pytest.raises(DataError, match=r"too few photos of class daisy \(2\)"):
            choose_split(dataset((9, 2)), None, 0)


def test_folds_by_hand() -> None:
    assert deal_folds(np.array([1, 0, 1, 0, 0]), 2).tolist() == [1, 0, 0, 1, 0]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(2, 10))
def test_folds_are_even_within_each_class(labels: list[int], folds: int) -> None:
    found, truth = deal_folds(np.array(labels), folds), np.array(labels)
    for k in set(labels):
        counts = np.bincount(found[truth == k], minlength=folds)
        assert counts.max() - counts.min() <= 1
