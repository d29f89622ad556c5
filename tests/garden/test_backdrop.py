"""Grounds, and their enlargement by a spline, against SciPy's."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from florascope.garden.backdrop import GROUNDS, REDUCTION, backdrop, crop, enlarge
from florascope.garden.paint import Canvas, Dice


@pytest.mark.parametrize("ground", list(dict.fromkeys(GROUNDS)))
def test_a_ground_fills_the_picture_and_is_no_flower(ground: object) -> None:
    looks = []
    for seed in range(3):
        small = Canvas(24)
        finish = ground(small, Dice(seed))  # type: ignore[operator]  # one of the grounds
        canvas = enlarge(small, 96)
        finish(canvas)
        assert (canvas.planes[3] == 0).all()
        assert (canvas.planes[:3] > -0.01).all()
        assert canvas.planes[:3].max() < 1.8
        looks.append(canvas.planes[:3])
    assert np.abs(looks[0] - looks[1]).mean() > 0.005


def test_the_small_canvas_is_large_enough_for_any_size() -> None:
    for size in (32, 33, 35, 224):
        small, _ = backdrop(size, (0.0, -1.0), Dice(size))
        assert small.size * REDUCTION >= size
        assert enlarge(small, size).planes.shape == (4, size, size)


def test_an_even_ground_stays_even() -> None:
    small = Canvas(8)
    small.planes[:] = 0.25
    np.testing.assert_allclose(enlarge(small, 30).planes, 0.25, rtol=1e-6)


def test_a_single_pixel_becomes_a_quadratic_b_spline() -> None:
    small = Canvas(9)
    small.planes[0, 4, 4] = 1
    row = enlarge(small, 36).planes[0].sum(axis=0)
    # Centre of fine pixel j in coarse pixels; a spline over knots at -1.5, -0.5, 0.5, 1.5.
    x = (np.arange(36) + 0.5) / 4 - 4.5
    spline = BSpline.basis_element([-1.5, -0.5, 0.5, 1.5], extrapolate=False)
    smooth = np.nan_to_num(spline(x))
    assert row.sum() == pytest.approx(16)
    # Two rounds of doubling come near the limit curve that more of them would reach.
    np.testing.assert_allclose(row / 4, smooth, atol=0.05)


def test_a_crop_wraps_around_and_zooms() -> None:
    tile = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(crop(tile, 3, 2, 1.0, 2), [[11, 8], [15, 12]])
    np.testing.assert_array_equal(crop(tile, 0, 0, 0.5, 4)[0], [0, 0, 1, 1])
