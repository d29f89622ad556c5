"""Directions and angles, against NumPy's trigonometry."""

import numpy as np
import pytest

from florascope.garden.geometry import (
    ALONG,
    LENGTH,
    TABLE,
    TURN,
    Outline,
    Poses,
    angle,
    cosine_sine,
    direction,
    inside,
    outline_tables,
    pseudo_angle,
    quarter_power,
    table_index,
    tip,
    turn,
)

AROUND = np.linspace(-np.pi, np.pi, 1001)[1:-1]
X, Y = np.cos(AROUND).astype(np.float32), np.sin(AROUND).astype(np.float32)


def test_the_table_holds_cosines_and_sines() -> None:
    angles = np.arange(TURN) * 2 * np.pi / TURN
    np.testing.assert_allclose(TABLE, [np.cos(angles), np.sin(angles)], atol=1e-8)


def test_directions_are_those_of_the_angle_rounded_down() -> None:
    turns = np.array([-1.3, -0.25, 0.0, 0.2501, 5.75])
    down = np.floor(turns * TURN) / TURN * 2 * np.pi
    np.testing.assert_allclose(cosine_sine(turns), [np.cos(down), np.sin(down)], atol=1e-8)
    for one, c, s in zip(turns.tolist(), *cosine_sine(turns), strict=True):
        assert direction(one) == (c, s)


def test_turn_is_the_angle() -> None:
    np.testing.assert_allclose(turn(Y, X), (AROUND / (2 * np.pi)) % 1, atol=3e-6)
    assert turn(np.zeros(1, np.float32), np.zeros(1, np.float32)) == 0


def test_angle_of_one_vector() -> None:
    assert angle(0.0, -2.0) == pytest.approx(0.75, abs=3e-6)
    assert angle(3.0, 3.0) == pytest.approx(0.125, abs=3e-6)


def test_pseudo_angle_grows_with_the_angle_whatever_the_length() -> None:
    pseudo = pseudo_angle(3 * Y, 3 * X)
    assert (np.diff(pseudo) > 0).all()
    np.testing.assert_allclose(pseudo, pseudo_angle(Y, X), atol=1e-6)
    ends = pseudo_angle(np.array([0, 1, -1], np.float32), np.array([1, 0, 0], np.float32))
    np.testing.assert_allclose(ends, [0, 1, -1])


def poses(**fields: float) -> Poses:
    """Two poses: one in general position, changed by the fields, and one from the front."""
    general = {"x": 0.4, "y": 0.6, "radius": 0.2, "spin": 0.3, "tilt": 0.6, "axis": 0.15, "tone": 1}
    front = {"x": 0.5, "y": 0.5, "radius": 0.1, "spin": 0.0, "tilt": 1.0, "axis": 0.0, "tone": 1}
    general |= fields
    return Poses(*(np.array([general[name], front[name]], dtype=float) for name in front))


def test_inverse_undoes_forward() -> None:
    forward, inverse = poses().forward, poses().inverse
    u, v = 0.7, -0.3
    x, y = forward[:, 0] * u + forward[:, 1] * v
    np.testing.assert_allclose(inverse[0] * x + inverse[1] * y, u + 1j * v, atol=1e-6)


def test_the_inverse_in_two_steps_is_the_inverse() -> None:
    by_column, by_row, spin = poses().unturned
    np.testing.assert_allclose([by_column * spin, by_row * spin], poses().inverse, atol=1e-6)


def test_rising_moves_away_from_the_ground_by_the_tilt_and_keeps_the_rest() -> None:
    where = poses()
    risen = where.risen(0.5)
    np.testing.assert_allclose(where.y - risen.y, [0.5 * 0.2 * 0.64, 0.0])
    np.testing.assert_allclose(risen.tilt, np.sqrt(where.tilt))
    assert risen.x is where.x
    assert where.risen(0.0) is where


def test_from_the_front_the_map_is_a_rotation() -> None:
    np.testing.assert_allclose(poses().forward[:, :, 1], np.eye(2))
    quarter = poses(tilt=1.0, spin=0.25, axis=0.7).forward[:, :, 0]
    np.testing.assert_allclose(quarter, [[0, -1], [1, 0]], atol=1e-3)


def test_tilt_shortens_along_the_axis_alone() -> None:
    # Foreshortened to 0.6 in the vertical direction (a quarter turn), nothing spun.
    down = poses(spin=0.0, axis=0.25, tilt=0.6).forward[:, :, 0]
    np.testing.assert_allclose(down, [[1.0, 0.0], [0.0, 0.6]], atol=1e-3)
    area = np.linalg.det(poses().forward[:, :, 0])
    np.testing.assert_allclose(area, 0.6)


def test_slant_and_centre() -> None:
    np.testing.assert_allclose(poses().slant, [0.8, 0.0])
    np.testing.assert_allclose(poses().centre, [[0.4, 0.5], [0.6, 0.5]])
    assert len(poses()) == 2


CIRCLE = Outline(2, 2, 0.5)


def distance(outline: Outline, along: list[float], across: list[float]) -> np.ndarray:
    at = table_index(np.array(along, dtype=np.float32))
    return inside(outline, at, np.array(across, dtype=np.float32))


def test_quarter_powers() -> None:
    x = np.array([0.0, 0.2, 1.0])
    for quarters in range(6):
        np.testing.assert_allclose(quarter_power(x, quarters), x ** (quarters / 4))


def test_entries_stand_for_the_middles_of_steps() -> None:
    index = table_index(ALONG.astype(np.float32))
    assert np.abs(index - np.arange(LENGTH)).max() <= 1
    far = table_index(np.array([-9, 9], np.float32))
    assert np.arange(LENGTH).take(far, mode="clip").tolist() == [0, LENGTH - 1]


def test_in_a_circle_the_distance_is_exact() -> None:
    # Half the width of a circle of diameter 1 is sqrt(s (1 - s)): rise and fall of two quarters.
    along, across = [0.5, 0.5, 0.9, 0.2, 0.5], [0.0, 0.5, 0.3, 0.1, 0.7]
    true = 0.5 - np.hypot(np.array(along) - 0.5, across)
    np.testing.assert_allclose(distance(CIRCLE, along, across), true, atol=0.004)


def test_along_a_thread_the_distance_is_half_its_width_less_that_from_the_axis() -> None:
    thread = Outline(width=0.02, knob=0.1)
    np.testing.assert_allclose(
        distance(thread, [0.3, 0.5, 0.5], [0.0, 0.02, -0.05]), [0.02, 0.0, -0.03], atol=1e-6
    )
    assert distance(thread, [0.9], [0.09])[0] > 0, "the knob is wider than the thread"


@pytest.mark.parametrize("rise", [1, 2, 3, 4])
@pytest.mark.parametrize("fall", [1, 2, 3, 4])
def test_the_sign_tells_inside_from_outside(rise: int, fall: int) -> None:
    outline = Outline(rise, fall, 0.3)
    s = np.linspace(0.05, 0.95, 19)
    half = s ** (rise / 4) * (1 - s) ** (fall / 4)
    peak = (p := rise / (rise + fall)) ** (rise / 4) * (1 - p) ** (fall / 4)
    half *= 0.3 / peak
    assert (distance(outline, s.tolist(), (half * 0.93).tolist()) > 0).all()
    assert (distance(outline, s.tolist(), (half * 1.07).tolist()) < 0).all()
    assert (distance(outline, [-0.05, 1.05], [0.0, 0.0]) < 0).all()


def test_the_widest_place_has_the_given_width() -> None:
    tables = outline_tables(Outline(3, 1, 0.4))
    assert 1 / tables.inverse.max() >= 0.04 * 0.4 - 1e-6
    assert 1 / tables.inverse.min() == pytest.approx(0.4, rel=1e-3)


def test_notch_and_frill_draw_the_tip_in() -> None:
    across = np.array([0.0, 0.1, 0.2], dtype=np.float32)
    np.testing.assert_allclose(tip(Outline(width=0.22, notch=0.1), across), [0.1, 0, 0], atol=1e-6)
    # One wave over each quarter of the whole width 2 * 0.2: its crests lie in the middles.
    waves = tip(Outline(width=0.2, frill=0.05, frills=4), np.array([0, 0.05, 0.1], np.float32))
    np.testing.assert_allclose(waves, [0, 0.05, 0], atol=1e-6)
