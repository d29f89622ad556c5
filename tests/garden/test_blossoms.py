"""Rings of petals, by counting them."""

import numpy as np
import pytest

from florascope.garden.blossoms import Blossom, Disc, Ring
from florascope.garden.geometry import Outline, Poses
from florascope.garden.paint import PINK, Canvas, Dice, Paint
from florascope.garden.petals import Petal, Skin

SIZE = 240
NARROW, BROAD = Petal(Outline(3, 3, 0.2)), Petal(Outline(2, 2, 0.6), Skin(vein=0.0, crease=0.0))


def drawn(ring: Ring, spin: float = 0.0) -> np.ndarray:
    canvas = Canvas(SIZE)
    values = (0.5, 0.5, 0.45, spin, 1.0, 0.0, 1.0)
    poses = Poses(*(np.array([value]) for value in values))
    Blossom((ring,), shade=0.0).draw(canvas, poses, Paint(PINK), Dice(1))
    return canvas.planes


def around(plane: np.ndarray, radius: float) -> np.ndarray:
    angles = np.arange(2000) * 2 * np.pi / 2000
    x = SIZE * (0.5 + 0.45 * radius * np.cos(angles))
    y = SIZE * (0.5 + 0.45 * radius * np.sin(angles))
    values: np.ndarray = plane[y.astype(int), x.astype(int)]
    return values


def smoothed(values: np.ndarray) -> np.ndarray:
    """A mean over some pixels, so that the steps of a slanting edge are crossed once."""
    return np.mean([np.roll(values, shift) for shift in range(-12, 13)], axis=0)


@pytest.mark.parametrize("count", [3, 5, 6, 14])
@pytest.mark.parametrize("disorder", [0.0, 1.0])
def test_a_circle_crosses_every_petal_once(count: int, disorder: float) -> None:
    narrow = Petal(Outline(3, 3, 0.6 / count))
    share = smoothed(around(drawn(Ring(narrow, count, disorder=disorder))[3], 0.6)) > 0.5
    assert (share & ~np.roll(share, 1)).sum() == count


def test_petals_stand_where_spin_and_offset_put_them() -> None:
    share = around(drawn(Ring(NARROW, 4, disorder=0.0, offset=0.5), spin=0.05)[3], 0.6)
    middles = (np.arange(4) + 0.5) / 4 + 0.05
    assert (share[np.rint(middles * 2000).astype(int) % 2000] == 1).all()
    assert (share[np.rint((middles + 0.125) * 2000).astype(int) % 2000] == 0).all()


def test_size_is_the_reach() -> None:
    reached = np.flatnonzero(drawn(Ring(NARROW, 4, 0.5, disorder=0.0))[3].max(axis=0) > 0.5)
    # Petals without disorder are 0.93 of the ring's size long.
    assert np.ptp(reached) == pytest.approx(2 * 0.93 * 0.5 * 0.45 * SIZE, rel=0.03)


def test_overlapping_petals_cover_as_much_as_apart_and_shade_each_other() -> None:
    apart, over = (drawn(Ring(BROAD, 4, disorder=0.0, shadow=shadow)) for shadow in (0.0, 0.6))
    assert over[3].sum() >= apart[3].sum() * 0.99
    lit = (apart[3] == 1) & (over[3] == 1)
    darkest = (over[0][lit] / apart[0][lit]).min()
    assert darkest == pytest.approx(1 - 0.6, abs=0.12)


def test_a_ring_keeps_its_own_colours() -> None:
    red, green, blue = drawn(Ring(BROAD, 4, colours=PINK))[:3, SIZE // 2, SIZE // 2 + 50]
    assert red > blue > green * 0.9


DISC_SIZE = 200
CORE, RIM = (0.9, 0.7, 0.1), (0.2, 0.1, 0.3)


def disc_drawn(disc: Disc, tilt: float = 1.0, spin: float = 0.0) -> np.ndarray:
    canvas = Canvas(DISC_SIZE)
    poses = Poses(*(np.array([value]) for value in (0.5, 0.5, 0.4, spin, tilt, 0.25, 1.0)))
    Blossom((disc,), shade=0.0).draw(canvas, poses, Paint(PINK), Dice(1))
    return canvas.planes


@pytest.mark.parametrize("squash", [1.0, 0.5])
def test_area(squash: float) -> None:
    share = disc_drawn(Disc(0.5, CORE, RIM, squash=squash))[3]
    assert share.sum() == pytest.approx(np.pi * 40 * 40 * squash, rel=0.01)


def test_core_in_the_middle_rim_at_the_edge() -> None:
    planes = disc_drawn(Disc(0.5, CORE, RIM, dome=0.0))
    np.testing.assert_allclose(planes[:3, 100, 100], CORE, rtol=1e-3)
    np.testing.assert_allclose(planes[:3, 100, 137], RIM, rtol=0.02)


def test_without_a_rim_colour_it_is_the_throats() -> None:
    edge = disc_drawn(Disc(0.5, CORE, None, dome=0.0))[:3, 100, 137]
    np.testing.assert_allclose(edge, PINK.throat, rtol=0.02)


def test_a_dome_is_brighter_towards_the_sun() -> None:
    red = disc_drawn(Disc(0.5, CORE, CORE, dome=0.4))[0]  # the sun of a canvas stands above
    assert red[70, 100] > 1.3 * red[130, 100]


def test_seeds_and_spots_vary_it() -> None:
    plain, seeds, spots = (
        disc_drawn(Disc(0.5, CORE, CORE, dome=0.0, seeds=a, spots=b))[0, 80:120, 80:120]
        for a, b in ((0, 0), (0.8, 0), (0, 1))
    )
    assert np.ptp(plain) < 1e-3
    assert np.ptp(seeds) > 0.2
    assert spots.min() == pytest.approx(PINK.mark[0], rel=0.01)


def test_place_and_rise() -> None:
    aside = disc_drawn(Disc(0.2, CORE, RIM, centre=(0.5, 0.0)))[3]
    assert np.flatnonzero(aside.max(axis=0)).mean() == pytest.approx(99.5 + 40, abs=1)
    risen = disc_drawn(Disc(0.2, CORE, RIM, rise=1.0), tilt=0.6)[3]
    # Up by the disc's radius, 16 pixels, times the square of the sine.
    assert np.flatnonzero(risen.max(axis=1)).mean() == pytest.approx(99.5 - 16 * 0.64, abs=1)


@pytest.mark.parametrize("spin", [0.25, 0.5, 0.8])
def test_the_sun_stays_where_it_is_when_the_blossom_turns(spin: float) -> None:
    dome = Disc(0.5, CORE, CORE, dome=0.4)
    turned, upright = disc_drawn(dome, spin=spin), disc_drawn(dome)
    np.testing.assert_allclose(turned, upright, atol=0.01)


RED, BLUE = (0.8, 0.0, 0.0), (0.0, 0.0, 0.8)


def flat(size: float, colour: tuple[float, float, float]) -> Disc:
    return Disc(size, colour, colour, dome=0.0)


def row(*x: float) -> Poses:
    n = len(x)
    values = (0.5, 0.2, 0.0, 1.0, 0.0, 1.0)
    y, radius, spin, tilt, axis, tone = (np.full(n, value) for value in values)
    return Poses(np.array(x), y, radius, spin, tilt, axis, tone)


def painted(blossom: Blossom, poses: Poses) -> Canvas:
    canvas = Canvas(100)
    canvas.planes[:3] = 0.5
    blossom.draw(canvas, poses, Paint(PINK), Dice(1))
    return canvas


def test_later_layers_and_later_poses_lie_on_top() -> None:
    planes = painted(Blossom((flat(1.0, RED), flat(0.5, BLUE)), shade=0.0), row(0.4, 0.6)).planes
    np.testing.assert_allclose(planes[:3, 50, 60], BLUE, atol=1e-6)
    np.testing.assert_allclose(planes[:3, 50, 45], RED, atol=1e-6)  # the second covers the first's
    np.testing.assert_allclose(planes[:3, 50, 36], BLUE, atol=1e-2)


def test_the_shadow_falls_away_from_the_sun_and_takes_no_share() -> None:
    canvas = painted(Blossom((flat(1.0, RED),), shade=0.5), row(0.5))  # the sun stands above
    assert canvas.planes[2, 72, 50] < 0.48
    assert canvas.planes[2, 50 - 22, 50] > canvas.planes[2, 72, 50]
    np.testing.assert_allclose(canvas.planes[3].sum(), np.pi * 400, rtol=0.01)
    np.testing.assert_allclose(canvas.planes[:3, 50, 50], RED, atol=1e-6)


def test_without_shade_the_ground_stays_as_it_is() -> None:
    planes = painted(Blossom((flat(1.0, RED),), shade=0.0), row(0.5)).planes
    assert (planes[:3][:, planes[3] == 0] == 0.5).all()
