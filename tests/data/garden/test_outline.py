"""Outlines, against the circle and the slab, for which the distance is known."""

import numpy as np
import pytest

from florascope.data.garden.outline import (
    ALONG,
    LENGTH,
    Outline,
    inside,
    outline_tables,
    quarter_power,
    table_index,
    tip,
)

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
