"""Colour changes computed by hand, and against Pillow's own."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from florascope.model.colour_jitter import ColourJitter


class Fixed(np.random.Generator):
    """Draws what it is told to."""

    values: tuple[float, ...]

    def uniform(self, *_: Any) -> Any:
        return np.array(self.values)


def draw(*values: float) -> np.random.Generator:
    fixed = Fixed(np.random.PCG64(0))
    fixed.values = values
    return fixed


@pytest.fixture
def crop() -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("drawn", "enhance"),
    [
        ((0.5, 0, 0), ImageEnhance.Brightness),
        ((0, -0.5, 0), ImageEnhance.Contrast),
        ((0, 0, 0.5), ImageEnhance.Color),
    ],
)
def test_each_factor_does_what_pillow_does(drawn: Any, enhance: Any, crop: np.ndarray) -> None:
    found = ColourJitter(0.4)(crop, draw(*drawn)).astype(int)
    factor = 1 + 0.4 * sum(drawn)
    expected = np.asarray(enhance(Image.fromarray(crop)).enhance(factor)).astype(int)
    assert np.abs(found - expected).max() <= 2  # Pillow rounds the greys first


def test_nothing_drawn_changes_nothing(crop: np.ndarray) -> None:
    assert np.array_equal(ColourJitter(0.5)(crop, draw(0, 0, 0)), crop)


def test_values_stay_in_range() -> None:
    white = np.full((4, 4, 3), 250, np.uint8)
    assert ColourJitter(0.9)(white, draw(1, 1, 1)).max() == 255


def test_the_draw_decides(crop: np.ndarray) -> None:
    first, again, other = (ColourJitter()(crop, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
