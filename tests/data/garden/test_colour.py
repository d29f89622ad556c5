"""Colours and tints."""

import numpy as np

from florascope.data.garden import colour
from florascope.data.garden.colour import LEAVES, RED, Colourway, Paint

NAMED = [value for value in vars(colour).values() if isinstance(value, Colourway)]


def test_all_colours_are_displayable() -> None:
    for way in (*NAMED, *LEAVES):
        for rgb in (way.body, way.tip, way.throat, way.mark):
            assert all(0 <= value <= 1 for value in rgb)


def test_leaves_are_green() -> None:
    assert all(way.body[1] == max(way.body) for way in LEAVES)


def test_a_tint_multiplies_each_channel() -> None:
    paint = Paint(RED, (1.0, 0.5, 2.0))
    np.testing.assert_allclose(paint.mark, np.array(RED.mark) * [1, 0.5, 2])
    np.testing.assert_allclose(paint.factors, [1, 0.5, 2, 1])
