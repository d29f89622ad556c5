"""Keypoints of photos drawn for the purpose: what moves with the photo, and what is recorded."""

import numpy as np
import pytest
from tests.support.textured import textured

from florascope.data.local_features import (
    BITS,
    CANDIDATES,
    KEPT,
    MARK,
    RECORDED_SIDE,
    LocalFeatures,
    cosines,
    local_features,
    marks_of,
    no_marks,
    unpack_marks,
)
from florascope.images import RGB


@pytest.fixture(scope="module")
def photo() -> RGB:
    return textured(0)


def counterparts(one: LocalFeatures, other: LocalFeatures, places: np.ndarray) -> np.ndarray:
    """For the expected places of one's keypoints in another photo: the fewest differing bits."""
    off = np.linalg.norm(places[:, None] - other.places, axis=2)
    bits = np.bitwise_count(one.codes[:, None] ^ other.codes).sum(2)
    return np.where(off < 0.02, bits, BITS).min(1)


def test_a_spot_is_found_where_it_is_and_as_large_as_it_is() -> None:
    y, x = np.mgrid[:160, :160]
    octaves = []
    for deviation in (2.0, 4.0):
        spot = 40 + 180 * np.exp(-((x - 90) ** 2 + 0.6 * (y - 60) ** 2) / (2 * deviation**2))
        found = local_features(np.repeat(spot[..., None], 3, 2).astype(np.uint8), 160)
        assert np.allclose(found.places[0], (10.5 / 160, -19.5 / 160), atol=0.01)
        octaves.append(found.octaves[0])
    assert octaves[1] - octaves[0] == pytest.approx(1, abs=0.15)


def test_a_quarter_turn_turns_places_and_angles_and_keeps_codes(photo: RGB) -> None:
    one, other = local_features(photo), local_features(np.rot90(photo).copy())
    x, y = one.places.T
    places = np.stack([y, -x], 1)  # counterclockwise, with y pointing down
    assert np.mean(counterparts(one, other, places) <= 10) > 0.9
    same = np.abs(places[:, None] - other.places).max(2) < 0.003
    turned = np.angle(np.exp(1j * (other.angles - one.angles[:, None])))[same]
    assert np.median(turned) == pytest.approx(-np.pi / 2, abs=0.02)


def test_a_mirrored_photo_has_the_codes_with_the_odd_signs_changed(photo: RGB) -> None:
    one, other = local_features(photo), local_features(photo[:, ::-1].copy())
    mirrored = LocalFeatures(one.places, one.octaves, one.angles, one.codes ^ cosines()[1])
    places = one.places * np.array([-1, 1])
    assert np.mean(counterparts(mirrored, other, places) <= 10) > 0.9
    assert np.mean(counterparts(one, other, places) <= 10) < 0.1


def test_the_cosines_are_those_of_the_lowest_frequencies() -> None:
    basis, odd = cosines()
    assert basis.shape == (BITS, 256)
    patches = basis.reshape(-1, 16, 16)
    signs = np.where(np.unpackbits(odd).astype(bool), -1, 1)
    assert np.allclose(patches[:, ::-1], patches * signs[:, None, None], atol=1e-5)


def test_marks_are_the_features_rounded(photo: RGB) -> None:
    marks = marks_of(photo)
    assert marks.shape == (KEPT, MARK)
    assert marks.nbytes == 256
    recorded, every = unpack_marks(marks), local_features(photo, RECORDED_SIDE, CANDIDATES)
    for place, octave, angle, code in zip(
        recorded.places, recorded.octaves, recorded.angles, recorded.codes, strict=True
    ):
        match = np.flatnonzero((every.codes == code).all(1))[0]
        assert np.allclose(every.places[match], place, atol=0.006)
        assert every.octaves[match] == pytest.approx(octave, abs=0.02)
        assert abs(np.angle(np.exp(1j * (every.angles[match] - angle)))) < 0.02


def test_recorded_keypoints_lie_apart(photo: RGB) -> None:
    places = unpack_marks(marks_of(photo)).places
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(KEPT)
    assert apart.min() > 0.02


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3), (90, 90, 3)])
def test_a_photo_without_structure_has_no_marks(shape: tuple[int, int, int]) -> None:
    assert not marks_of(np.full(shape, 120, np.uint8)).any()
    assert no_marks(2).shape == (2, KEPT, MARK)
