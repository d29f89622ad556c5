"""Pictures of evidence."""

import io

import numpy as np
import pytest
from PIL import Image

from florascope.overlay import AGAINST, FOR, full_colour, heat, overlay, png


def test_no_evidence_looks_empty() -> None:
    crop = np.full((4, 4, 3), 100, np.uint8)
    assert (heat(np.zeros((4, 4), np.float32), 1.0) == 255).all()
    np.testing.assert_array_equal(overlay(crop, np.zeros((4, 4), np.float32), 1.0), crop)


def test_full_evidence_has_full_colour_and_both_signs_show() -> None:
    drawn = heat(np.array([[2.0, -2.0, 1.0]], np.float32), 2.0)
    np.testing.assert_array_equal(drawn[0, 0], np.round(np.array(FOR) * 255))
    np.testing.assert_array_equal(drawn[0, 1], np.round(np.array(AGAINST) * 255))
    np.testing.assert_array_equal(drawn[0, 2], np.round((1 + np.array(FOR)) / 2 * 255))


def test_evidence_past_the_scale_saturates() -> None:
    drawn = heat(np.array([[9.0, 1.0]], np.float32), 1.0)
    np.testing.assert_array_equal(drawn[0, 0], drawn[0, 1])


def test_full_colour_is_no_extreme_and_never_zero() -> None:
    values = np.full((20, 20), -4.0, np.float32)
    values[0, 0] = 100.0  # one pixel of 400
    assert full_colour(values) == pytest.approx(4.0)
    assert full_colour(np.zeros((3, 3), np.float32)) == 1.0


def test_for_and_against_differ_also_without_red_and_green() -> None:
    """The blue-yellow contrast, which red-green blindness leaves, is what separates them."""
    yellow = [(c[0] + c[1]) / 2 - c[2] for c in (FOR, AGAINST)]
    assert yellow[0] > 0.5
    assert yellow[1] < -0.4


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 3, 3), (64, 48, 3)])
def test_a_packed_picture_is_read_back_by_pillow(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_the_scale_is_the_quantile() -> None:
    values = np.random.default_rng(0).normal(size=(50, 60))
    assert full_colour(values) == pytest.approx(np.quantile(np.abs(values), 0.995))
