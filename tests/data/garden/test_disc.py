"""Centres of blossoms."""

import numpy as np
import pytest

from florascope.data.garden.blossom import Blossom
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.colour import PINK, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.disc import Disc
from florascope.data.garden.pose import Poses

SIZE = 200
CORE, RIM = (0.9, 0.7, 0.1), (0.2, 0.1, 0.3)


def drawn(disc: Disc, tilt: float = 1.0, spin: float = 0.0) -> np.ndarray:
    canvas = Canvas(SIZE)
    poses = Poses(*(np.array([value]) for value in (0.5, 0.5, 0.4, spin, tilt, 0.25, 1.0)))
    Blossom((disc,), shade=0.0).draw(canvas, poses, Paint(PINK), Dice(1))
    return canvas.planes


@pytest.mark.parametrize("squash", [1.0, 0.5])
def test_area(squash: float) -> None:
    share = drawn(Disc(0.5, CORE, RIM, squash=squash))[3]
    assert share.sum() == pytest.approx(np.pi * 40 * 40 * squash, rel=0.01)


def test_core_in_the_middle_rim_at_the_edge() -> None:
    planes = drawn(Disc(0.5, CORE, RIM, dome=0.0))
    np.testing.assert_allclose(planes[:3, 100, 100], CORE, rtol=1e-3)
    np.testing.assert_allclose(planes[:3, 100, 137], RIM, rtol=0.02)


def test_without_a_rim_colour_it_is_the_throats() -> None:
    edge = drawn(Disc(0.5, CORE, None, dome=0.0))[:3, 100, 137]
    np.testing.assert_allclose(edge, PINK.throat, rtol=0.02)


def test_a_dome_is_brighter_towards_the_sun() -> None:
    red = drawn(Disc(0.5, CORE, CORE, dome=0.4))[0]  # the sun of a canvas stands above
    assert red[70, 100] > 1.3 * red[130, 100]


def test_seeds_and_spots_vary_it() -> None:
    plain, seeds, spots = (
        drawn(Disc(0.5, CORE, CORE, dome=0.0, seeds=a, spots=b))[0, 80:120, 80:120]
        for a, b in ((0, 0), (0.8, 0), (0, 1))
    )
    assert np.ptp(plain) < 1e-3
    assert np.ptp(seeds) > 0.2
    assert spots.min() == pytest.approx(PINK.mark[0], rel=0.01)


def test_place_and_rise() -> None:
    aside = drawn(Disc(0.2, CORE, RIM, centre=(0.5, 0.0)))[3]
    assert np.flatnonzero(aside.max(axis=0)).mean() == pytest.approx(99.5 + 40, abs=1)
    risen = drawn(Disc(0.2, CORE, RIM, rise=1.0), tilt=0.6)[3]
    # Up by the disc's radius, 16 pixels, times the square of the sine.
    assert np.flatnonzero(risen.max(axis=1)).mean() == pytest.approx(99.5 - 16 * 0.64, abs=1)


@pytest.mark.parametrize("spin", [0.25, 0.5, 0.8])
def test_the_sun_stays_where_it_is_when_the_blossom_turns(spin: float) -> None:
    dome = Disc(0.5, CORE, CORE, dome=0.4)
    turned, upright = drawn(dome, spin=spin), drawn(dome)
    np.testing.assert_allclose(turned, upright, atol=0.01)
