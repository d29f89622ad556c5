"""The camera: each step alone, against its formula in double precision."""

import numpy as np
import pytest

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.dice import Dice
from florascope.data.garden.lens import expose, noise, soften


def test_blur_is_the_three_by_three_kernel_and_keeps_the_sum() -> None:
    canvas = Canvas(9)
    canvas.planes[:, 4, 4] = 1
    soften(canvas, 0.2)
    kernel = np.outer([0.2, 0.6, 0.2], [0.2, 0.6, 0.2])
    for plane in canvas.planes:
        np.testing.assert_allclose(plane[3:6, 3:6], kernel, rtol=1e-6)
        assert plane.sum() == pytest.approx(1)


def test_blur_leaves_an_even_plane_as_it_is_to_its_edges() -> None:
    canvas = Canvas(7)
    canvas.planes[:] = 0.3
    soften(canvas, 0.3)
    np.testing.assert_allclose(canvas.planes, 0.3, rtol=1e-6)


def test_noise_has_its_deviation_and_the_mean_that_rounds() -> None:
    grains = noise(100, 3.0, Dice(4))
    assert grains.shape == (3, 100, 100)
    assert grains.std() == pytest.approx(3.0, rel=0.03)
    assert grains.mean() == pytest.approx(0.5, abs=0.1)


def test_brighter_light_makes_brighter_pixels_and_black_stays_black() -> None:
    means = []
    for light in (0.0, 0.2, 0.5, 0.8):
        canvas = Canvas(32)
        canvas.planes[:3] = light
        means.append(expose(canvas, Dice(7)).mean())
    assert means[0] < 2.5
    assert all(np.diff(means) > 25)


def test_the_corners_are_never_brighter_than_the_middle() -> None:
    for seed in range(6):
        canvas = Canvas(64)
        canvas.planes[:3] = 0.5
        pixels = expose(canvas, Dice(seed)).astype(float)
        corner = np.mean([pixels[y, x] for y in (slice(6), slice(-6, None)) for x in (slice(6),)])
        assert corner <= pixels[28:36, 28:36].mean() + 2
