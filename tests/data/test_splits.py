"""Splits, against counts worked out by hand and properties that must always hold."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.data.split import SUBSETS, Split
from florascope.data.splits import choose_split, split_from_subsets, stratified
from florascope.errors import DataError

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

    def test_without_train_there_is_nothing_to_learn_from(self) -> None:
        words = ["val", "test"] * 30
        with pytest.raises(DataError, match=r"the folder split has no train photos\. expected"):
            split_from_subsets("folder", words, self.labels)


class TestChooseSplit:
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
