"""Layers, their order and their shadow."""

import numpy as np

from florascope.data.garden.blossom import Blossom
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.colour import PINK, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.disc import Disc
from florascope.data.garden.pose import Poses

RED, BLUE = (0.8, 0.0, 0.0), (0.0, 0.0, 0.8)


def flat(size: float, colour: tuple[float, float, float]) -> Disc:
    return Disc(size, colour, colour, dome=0.0)


def row(*x: float) -> Poses:
    n = len(x)
    values = (0.5, 0.2, 0.0, 1.0, 0.0, 1.0)
    y, radius, spin, tilt, axis, tone = (np.full(n, value) for value in values)
    return Poses(np.array(x), y, radius, spin, tilt, axis, tone)


def drawn(blossom: Blossom, poses: Poses) -> Canvas:
    canvas = Canvas(100)
    canvas.planes[:3] = 0.5
    blossom.draw(canvas, poses, Paint(PINK), Dice(1))
    return canvas


def test_later_layers_and_later_poses_lie_on_top() -> None:
    planes = drawn(Blossom((flat(1.0, RED), flat(0.5, BLUE)), shade=0.0), row(0.4, 0.6)).planes
    np.testing.assert_allclose(planes[:3, 50, 60], BLUE, atol=1e-6)
    np.testing.assert_allclose(planes[:3, 50, 45], RED, atol=1e-6)  # the second covers the first's
    np.testing.assert_allclose(planes[:3, 50, 36], BLUE, atol=1e-2)


def test_the_shadow_falls_away_from_the_sun_and_takes_no_share() -> None:
    canvas = drawn(Blossom((flat(1.0, RED),), shade=0.5), row(0.5))  # the sun stands above
    assert canvas.planes[2, 72, 50] < 0.48
    assert canvas.planes[2, 50 - 22, 50] > canvas.planes[2, 72, 50]
    np.testing.assert_allclose(canvas.planes[3].sum(), np.pi * 400, rtol=0.01)
    np.testing.assert_allclose(canvas.planes[:3, 50, 50], RED, atol=1e-6)


def test_without_shade_the_ground_stays_as_it_is() -> None:
    planes = drawn(Blossom((flat(1.0, RED),), shade=0.0), row(0.5)).planes
    assert (planes[:3][:, planes[3] == 0] == 0.5).all()
