"""The surface of petals: each trait alone."""

import numpy as np
import pytest

from florascope.garden.blossoms import Blossom
from florascope.garden.geometry import Outline, Poses, table_index
from florascope.garden.paint import PINK, WHITE, YELLOW, Canvas, Colourway, Dice, Paint
from florascope.garden.petals import (
    Blade,
    Petal,
    Points,
    Skin,
    Surface,
    bands,
    smooth,
    speckle,
    spotted,
)

FLAT = {"vein": 0.0, "crease": 0.0, "heart": 0.0}
ONE, NONE = np.ones((), np.float32), np.zeros((), np.float32)
GREY = Colourway((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (0.1, 0.2, 0.3))


def looks(skin: Skin, s: list[float], t: list[float], colours: Colourway = GREY) -> np.ndarray:
    along, across = np.array(s, np.float32), np.array(t, np.float32)
    points = Points(along, table_index(along), across, NONE, ONE)
    surface = Surface(Petal(Outline(2, 2, 0.5), skin), Paint(colours))
    return surface.appearance(points, np.ones_like(along))[:3]


def test_smooth_steps() -> None:
    np.testing.assert_allclose(
        smooth(np.array([0.0, 1.0, 1.5, 2.0, 3.0]), 1.0, 2.0), [0, 0, 0.5, 1, 1]
    )


def test_throat_body_and_tip() -> None:
    colours = bands(Skin(**FLAT, throat=0.3), PINK)
    for entry, colour in ((32, PINK.throat), (32 + 120, PINK.body), (32 + 255, PINK.tip)):
        np.testing.assert_allclose(colours[:, entry], colour, atol=1e-3)


def test_a_blotch_has_the_marks_colour() -> None:
    colours = bands(Skin(**FLAT, throat=0.1, blotch=0.4), PINK)
    np.testing.assert_allclose(colours[:, 32 + 60], PINK.mark, atol=1e-3)
    np.testing.assert_allclose(colours[:, 32 + 120], PINK.body, atol=1e-3)


def test_the_heart_is_dark_up_to_its_depth() -> None:
    skin = Skin(vein=0.0, crease=0.0, heart=0.5, deep=0.8)
    dark = bands(skin, GREY)[0, 32:288] / 0.5
    assert dark[0] == pytest.approx(1 - 0.5 * (1 - 0.0024), abs=0.01)
    assert (np.diff(dark) >= 0).all()
    np.testing.assert_allclose(dark[206:], 1.0, atol=1e-3)


def test_tone_and_sheen_are_factors() -> None:
    along = np.array([0.5, 0.5, 0.5], np.float32)
    across = np.array([-0.5, 0.0, 0.5], np.float32)
    points = Points(
        along, table_index(along), across, np.array(0.2, np.float32), np.array(0.8, np.float32)
    )
    surface = Surface(Petal(Outline(2, 2, 0.5), Skin(**FLAT)), Paint(GREY))
    light = surface.appearance(points, np.ones(3, np.float32))[0]
    np.testing.assert_allclose(light / 0.5, [0.6, 0.8, 1.0], rtol=1e-4)


def test_a_crease_darkens_the_middle() -> None:
    light = looks(Skin(vein=0.0, crease=0.5, heart=0.0), [0.5, 0.5], [0.0, 0.5])[0] / 0.5
    np.testing.assert_allclose(light, [1 - 0.5 * 0.6, 1 + 0.5 * 0.4], rtol=1e-4)


def test_fan_veins_run_from_base_to_tip_and_ribs_across() -> None:
    # Four veins over the width: at q = 0 and +-0.5; between them it is brighter.
    fan = looks(Skin(fan=4, vein=0.2, crease=0.0, heart=0.0), [0.5] * 3, [0.0, 0.125, 0.25])[0]
    np.testing.assert_allclose(fan[0], fan[2], rtol=1e-4)
    assert fan[1] / 0.5 - fan[0] / 0.5 == pytest.approx(4 * 0.2 * 0.25, rel=1e-3)
    ribs = looks(Skin(ribs=5, vein=0.2, crease=0.0, heart=0.0), [0.4, 0.5, 0.6], [0.0] * 3)[0]
    np.testing.assert_allclose(ribs[0], ribs[2], rtol=1e-3)
    assert ribs[1] > ribs[0]


def test_spots_mix_in_their_colour() -> None:
    grid = np.linspace(0, 1.3, 80, dtype=np.float32)
    x, y = (part.ravel() for part in np.meshgrid(grid, grid))
    light = np.full((3, x.size), 0.5, np.float32)
    speckle(light, GREY.mark, spotted(x, y), np.ones_like(x))
    marked = light[0] < 0.11
    assert 0.05 < marked.mean() < 0.6
    np.testing.assert_allclose(light[:, marked].mean(axis=1), GREY.mark, rtol=0.03)
    assert (light[0] == 0.5).mean() > 0.3


def test_spots_leave_base_and_tip_free() -> None:
    s, t = np.linspace(0, 1, 60), np.linspace(-0.3, 0.3, 40)
    along, across = (part.ravel().tolist() for part in np.meshgrid(s, t))
    light = looks(Skin(**FLAT, spots=1.0), along, across)[0]
    changed = np.array(along)[light < 0.45]
    assert changed.min() > 0.01
    assert changed.max() < 0.7


def test_light_is_tinted_and_multiplied_by_the_cover() -> None:
    along, across = np.full(2, 0.5, np.float32), np.zeros(2, np.float32)
    points = Points(along, table_index(along), across, NONE, ONE)
    tinted = Surface(Petal(Outline(2, 2, 0.5), Skin(**FLAT)), Paint(GREY, (1.0, 0.5, 2.0)))
    planes = tinted.appearance(points, np.array([1.0, 0.25], np.float32))
    np.testing.assert_allclose(planes[:, 0], [0.5, 0.25, 1.0, 1.0], rtol=1e-5)
    np.testing.assert_allclose(planes[:, 1], 0.25 * planes[:, 0], rtol=1e-6)


def test_spots_keep_the_cover_and_take_the_tint() -> None:
    s = np.linspace(0.2, 0.5, 400, dtype=np.float32)
    points = Points(s, table_index(s), s - np.float32(0.35), NONE, ONE)
    spotty = Petal(Outline(2, 2, 0.5), Skin(**FLAT, spots=1.0))
    half = Surface(spotty, Paint(GREY, (1.0, 1.0, 0.5))).appearance(points, np.full(400, 0.5, "f4"))
    whole = Surface(spotty, Paint(GREY)).appearance(points, np.ones(400, np.float32))
    assert whole[0].min() == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(half, whole * np.array([[0.5], [0.5], [0.25], [0.5]]), rtol=1e-5)


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
