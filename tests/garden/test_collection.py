"""The garden's data sets: classes, splits, and marks that nothing else betrays."""

from collections.abc import Callable

import numpy as np
import pytest

from florascope.data.dataset import Dataset
from florascope.errors import DataError
from florascope.garden import MARKS, SPECIES, GardenPhoto, MarkedPhoto, garden, marked_garden

Make = Callable[[int], Dataset]


@pytest.mark.parametrize(("make", "classes"), [(garden, 18), (marked_garden, 6)])
def test_every_class_is_split_three_one_one(make: Make, classes: int) -> None:
    dataset = make(10)
    split = dataset.own_splits["garden"]
    assert len(dataset.photos) == 10 * classes
    for part, each in ((split.train, 6), (split.val, 2), (split.test, 2)):
        assert np.bincount(dataset.labels[part]).tolist() == [each] * classes
    together = np.concatenate([split.train, split.val, split.test])
    assert sorted(together.tolist()) == list(range(10 * classes))


@pytest.mark.parametrize("make", [garden, marked_garden])
def test_a_photo_stays_in_its_subset_as_the_garden_grows(make: Make) -> None:
    def subsets(dataset: Dataset) -> dict[str, str]:
        split = dataset.own_splits["garden"]
        parts = {"train": split.train, "val": split.val, "test": split.test}
        return {dataset.photos[i].digest(): name for name, at in parts.items() for i in at}

    few, many = subsets(make(6)), subsets(make(13))
    assert few.items() <= many.items()


@pytest.mark.parametrize("make", [garden, marked_garden])
def test_no_photo_comes_twice(make: Make) -> None:
    digests = [photo.digest() for photo in make(9).photos]
    assert len(set(digests)) == len(digests)


def test_labels_are_the_photos_species() -> None:
    dataset = garden(5, seed=3, size=48)
    for photo, label in zip(dataset.photos, dataset.labels, strict=True):
        assert isinstance(photo, GardenPhoto)
        assert (photo.species, photo.seed, photo.size) == (label, 3, 48)
    assert dataset.classes[0].name == "five star"
    assert len({species.name for species in SPECIES}) == len(SPECIES) >= 12


def test_labels_are_the_photos_marks_whatever_their_species() -> None:
    dataset = marked_garden(60, seed=3, size=48)
    species = np.zeros((len(MARKS), len(SPECIES)), dtype=int)
    for photo, label in zip(dataset.photos, dataset.labels, strict=True):
        assert isinstance(photo, MarkedPhoto)
        assert photo.mark == label
        species[photo.mark, photo.plain.species] += 1
    # Independent: chi-squared of 6 x 18 cells has mean 85 and deviation 13.
    expected = species.sum(axis=0) / len(MARKS)
    assert ((species - expected) ** 2 / expected).sum() < 85 + 3.5 * 13
    assert [entry.name for entry in dataset.classes] == [mark.name for mark in MARKS]


@pytest.mark.parametrize("make", [garden, marked_garden])
def test_too_small_a_garden(make: Make) -> None:
    with pytest.raises(DataError, match=r"a garden with 4 photos a class.*at least 5"):
        make(4)
