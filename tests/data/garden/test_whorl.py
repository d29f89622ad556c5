"""Rings of petals, by counting them."""

import numpy as np
import pytest

from florascope.data.garden.blossom import Blossom
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.colour import PINK, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import Outline
from florascope.data.garden.petal import Petal, Skin
from florascope.data.garden.pose import Poses
from florascope.data.garden.whorl import Ring

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
