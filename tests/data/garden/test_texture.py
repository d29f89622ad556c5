"""Tiles: ranges, periods and counts."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import label

from florascope.data.garden.texture import GOLDEN, grain, noise, pebbles, seeds, spots


@pytest.mark.parametrize("tile", [noise, grain, pebbles, seeds])
def test_tiles_run_from_0_to_1(tile: Callable[[], np.ndarray]) -> None:
    values = tile()
    assert values.min() >= 0
    assert values.max() <= 1
    assert np.ptp(values) > 0.8
    assert tile() is values, "made once"


@pytest.mark.parametrize("tile", [noise, pebbles])
def test_tiles_are_periodic(tile: Callable[[], np.ndarray]) -> None:
    values = tile()
    within = np.abs(np.diff(values, axis=0)).mean()
    across = np.abs(values[0] - values[-1]).mean()
    assert across < 2 * within


def test_half_of_the_noise_is_bright() -> None:
    assert noise().mean() == pytest.approx(0.5, abs=0.08)


def test_spots_are_round_and_apart() -> None:
    tile = spots().reshape(128, 128)
    assert 0.1 < tile.mean() < 0.5
    assert (tile.min(), tile.max()) == (0.0, 1.0)
    _, count = label(tile > 0.5)
    assert 12 * 12 * 0.8 < count < 12 * 12 * 1.4  # the tile's border cuts some in two


def test_the_golden_angle() -> None:
    golden = (1 + 5**0.5) / 2
    assert pytest.approx(2 - golden) == GOLDEN
