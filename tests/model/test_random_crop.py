"""Random crops: their areas and shapes by definition, their pixels on ramps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.model.random_crop import RandomCrop


@given(st.integers(8, 400), st.integers(8, 400), st.floats(0.05, 1.0), st.integers(0, 2**32 - 1))
def test_boxes_lie_inside_and_have_the_areas_asked_for(
    width: int, height: int, min_area: float, seed: int
) -> None:
    crop = RandomCrop(min_area)
    left, top, right, bottom = crop.box(width, height, np.random.default_rng(seed))
    assert left >= 0
    assert top >= 0
    assert right <= width + 1e-9
    assert bottom <= height + 1e-9
    w, h = right - left, bottom - top
    assert w * h >= min_area * width * height * (1 - 1e-9)
    whole = (left, top, right, bottom) == (0.0, 0.0, width, height)
    assert whole or 3 / 4 - 1e-9 <= w / h <= 4 / 3 + 1e-9


def test_the_same_draw_gives_the_same_pixels_and_another_gives_others() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    first, again, other = (RandomCrop()(rgb, 32, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == (32, 32, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_pixels_are_those_of_the_box() -> None:
    columns = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (100, 1, 3))
    crop, draw = RandomCrop(0.3), np.random.default_rng(5)
    left, _, right, _ = crop.box(200, 100, np.random.default_rng(5))
    found = crop(columns, 50, draw)[25, :, 0].astype(float)
    step = (right - left) / 50
    expected = left + (np.arange(50) + 0.5) * step - 0.5
    assert np.abs(found - expected)[2:-2].max() <= 1.0


def test_areas_are_spread_over_the_range() -> None:
    draw = np.random.default_rng(0)
    boxes = [RandomCrop(0.2, ratio=1.0).box(100, 100, draw) for _ in range(2000)]
    areas = np.array([(r - x) * (b - y) for x, y, r, b in boxes]) / 1e4
    assert areas.min() == pytest.approx(0.2, abs=0.01)
    assert np.mean(areas) == pytest.approx(0.6, abs=0.01)
