"""Directions and angles, against NumPy's trigonometry."""

import numpy as np
import pytest

from florascope.data.garden.circle import (
    TABLE,
    TURN,
    angle,
    cosine_sine,
    direction,
    pseudo_angle,
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
