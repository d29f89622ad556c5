"""Single petals, against areas in closed form."""

import numpy as np
import pytest

from florascope.data.garden.blade import Blade
from florascope.data.garden.blossom import Blossom
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.colour import WHITE, YELLOW, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import Outline
from florascope.data.garden.petal import Petal, Skin
from florascope.data.garden.pose import Poses

SIZE = 200
ELLIPSE = Petal(Outline(2, 2, 0.25), Skin(vein=0.0, crease=0.0, heart=0.0))


def drawn(blade: Blade, tilt: float = 1.0) -> np.ndarray:
    canvas = Canvas(SIZE)
    values = (0.5, 0.5, 0.3, 0.0, tilt, 0.25, 1.0)
    poses = Poses(*(np.array([value]) for value in values))
    Blossom((blade,), shade=0.0).draw(canvas, poses, Paint(WHITE), Dice(1))
    return canvas.planes


@pytest.mark.parametrize("turns", [0.0, 0.1, 0.63])
@pytest.mark.parametrize("tilt", [1.0, 0.6])
def test_an_ellipse_has_its_area_whatever_its_direction(turns: float, tilt: float) -> None:
    area = drawn(Blade(ELLIPSE, turns, length=1.2), tilt)[3].sum()
    half = 1.2 * 0.3 * SIZE
    assert area == pytest.approx(np.pi * half / 2 * 0.25 * half * tilt, rel=0.02)


def test_base_direction_and_length() -> None:
    share = drawn(Blade(ELLIPSE, 0.5, length=1.0, base=(0.5, 0.2)))[3]
    columns = np.flatnonzero(share.max(axis=0) > 0.5)
    rows = np.flatnonzero(share.max(axis=1) > 0.5)
    # From u = 0.5 a length of 1 to the left, around v = 0.2.
    assert columns[0] == pytest.approx(100 - 30, abs=1.5)
    assert columns[-1] == pytest.approx(100 + 30, abs=1.5)
    assert rows.mean() == pytest.approx(100 + 0.2 * 60, abs=1)


def test_a_bow_bends_the_middle_and_not_the_ends() -> None:
    share = drawn(Blade(ELLIPSE, 0.0, length=1.6, base=(-0.8, 0.0), width=0.4, bow=0.2))[3]
    rows = [np.flatnonzero(share[:, column] > 0.5).mean() for column in (56, 100, 144)]
    assert rows[1] == pytest.approx(100 + 0.2 * 1.6 * 60, abs=1)
    assert max(rows[0], rows[2]) < 108


def test_width_widens() -> None:
    one, two = (drawn(Blade(ELLIPSE, 0.0, width=width))[3].sum() for width in (1.0, 2.0))
    assert two == pytest.approx(2 * one, rel=0.03)


def test_own_colours_win() -> None:
    middle = drawn(Blade(ELLIPSE, 0.0, colours=YELLOW))[:, 100, 130]
    assert middle[2] < 0.5 * middle[0]
