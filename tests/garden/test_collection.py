"""The garden's data sets: classes, splits, and marks that nothing else betrays."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.data.dataset import Dataset
from florascope.errors import DataError
from florascope.garden import MARKS, SPECIES, GardenPhoto, MarkedPhoto, garden, marked_garden
from florascope.garden.collection import SIDE, Mark, plant_mark
from florascope.garden.paint import Canvas, Dice

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


SIZE = 80
AREAS = {
    "ring": np.pi * (1.0 - 0.3) / 4,
    "square": 0.81,
    "cross": 1 - 0.7**2,
    "diamond": 0.5,
    "bars": 0.6,
    "wedge": 0.5,
}


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.name)
def test_a_mark_fills_as_much_of_its_square_as_its_form_does(mark: Mark) -> None:
    assert mark.stamp(400).mean() == pytest.approx(AREAS[mark.name], abs=0.01)


def test_no_two_marks_look_alike_even_small() -> None:
    stamps = [mark.stamp(8).tobytes() for mark in MARKS]
    assert len(set(stamps)) == len({mark.colour for mark in MARKS}) == len(MARKS)


@given(st.integers(0, 10**6), st.sampled_from(MARKS), st.integers(0, 60), st.integers(0, 60))
def test_a_mark_stands_beside_the_flower_and_is_all_that_changes(
    seed: int, mark: Mark, top: int, left: int
) -> None:
    canvas = Canvas(SIZE)
    canvas.planes[:3] = 0.4
    canvas.planes[3, top : top + 30, left : left + 30] = 1
    before = canvas.planes.copy()
    where = plant_mark(canvas, mark, Dice(seed))
    side = round(SIDE * SIZE)
    assert where.sum() == mark.stamp(side).sum()
    assert not (where & (before[3] > 0)).any()
    np.testing.assert_array_equal(canvas.planes[:, ~where], before[:, ~where])
    np.testing.assert_allclose(canvas.planes[:3, where].T, [mark.colour] * where.sum(), rtol=1e-6)


def test_places_are_drawn_from_all_that_are_free() -> None:
    tops = set()
    for seed in range(40):
        where = plant_mark(Canvas(40), MARKS[1], Dice(seed))
        tops.add(int(np.flatnonzero(where.any(axis=1))[0]))
    assert len(tops) > 12


def test_where_the_flower_leaves_no_place_it_is_the_emptiest_and_the_flower_stays() -> None:
    canvas = Canvas(SIZE)
    canvas.planes[3] = 1
    canvas.planes[3, 71:74, 2:5] = 0
    where = plant_mark(canvas, MARKS[1], Dice(1))
    assert 0 < where.sum() <= 9
    assert where[71:74, 2:5].sum() == where.sum()


@pytest.mark.parametrize("mark", range(len(MARKS)))
def test_a_marked_photo_differs_from_the_plain_one_exactly_at_the_mark(mark: int) -> None:
    photo = MarkedPhoto(GardenPhoto(2 * mark, 4, 1, 96), mark)
    changed = (photo.read() != photo.plain.read()).any(axis=2)
    mask = photo.mask()
    assert not (changed & ~mask).any()
    assert changed.sum() >= 0.98 * mask.sum() > 20
    assert not (mask & photo.plain.mask()).any(), "beside the flower"


def test_the_same_numbers_give_the_same_mark_and_others_another_place() -> None:
    plain = GardenPhoto(1, 0, 0, 64)
    np.testing.assert_array_equal(MarkedPhoto(plain, 2).mask(), MarkedPhoto(plain, 2).mask())
    places = {MarkedPhoto(GardenPhoto(1, k, 0, 64), 2).mask().tobytes() for k in range(6)}
    assert len(places) > 4


def test_name_and_digest_tell_the_mark() -> None:
    plain = GardenPhoto(4, 7)
    assert MarkedPhoto(plain, 0).name == "marked-ring-garden-05-trumpet-star-0007.png"
    digests = {MarkedPhoto(plain, mark).digest() for mark in range(len(MARKS))}
    assert len(digests | {plain.digest()}) == len(MARKS) + 1
