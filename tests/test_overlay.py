"""Pictures of evidence."""

import numpy as np
import pytest

from florascope.overlay import AGAINST, FOR, full_colour, heat, overlay


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
