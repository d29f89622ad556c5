"""Photos with a mark, against the same photo without."""

import numpy as np
import pytest

from florascope.data.garden import MARKS, GardenPhoto, MarkedPhoto


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
