"""What damage leaves, against pixels known by hand and shares counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.degradation import (
    DAMAGES,
    SEVERITIES,
    Degradation,
    blurred,
    degrade,
    dim,
    jpeg,
    rotated,
    screenshot,
    tiny,
)
from florascope.images import RGB


def noise(height: int = 48, width: int = 64, seed: int = 0) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain(colour: tuple[int, int, int], side: int = 60) -> RGB:
    return np.full((side, side, 3), colour, np.uint8)


def distance(one: RGB, other: RGB) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@given(
    height=st.integers(4, 40),
    width=st.integers(4, 40),
    kind=st.sampled_from(list(DAMAGES)),
    severity=st.integers(1, SEVERITIES),
)
def test_any_photo_keeps_its_shape(height: int, width: int, kind: str, severity: int) -> None:
    photo = noise(height, width)
    before = photo.copy()
    damaged = degrade(photo, kind, severity)
    assert damaged.shape == photo.shape
    assert damaged.dtype == np.uint8
    assert damaged.flags.c_contiguous
    assert np.array_equal(photo, before)
    assert np.array_equal(damaged, degrade(photo, kind, severity))


@pytest.mark.parametrize("kind", ["dim", "blurred", "jpeg"])
def test_worse_is_further_from_the_photo(kind: str) -> None:
    photo = noise(96, 96)
    gaps = [distance(photo, degrade(photo, kind, s)) for s in range(1, SEVERITIES + 1)]
    assert gaps == sorted(set(gaps))
    assert gaps[0] > 0


def test_half_and_quarter_turns_move_pixels_alone() -> None:
    photo = noise()
    assert np.array_equal(rotated(photo, 180), photo[::-1, ::-1])
    square = noise(50, 50)
    assert np.array_equal(rotated(square, 90), np.rot90(square))


def test_corners_are_filled_from_the_photo() -> None:
    for degrees in (15, 30, 45):
        assert rotated(plain((200, 10, 90)), degrees).min() == 10  # no black came in


def test_two_point_two_stops_halve_a_pixel() -> None:
    photo = noise()
    assert np.abs(dim(photo, 2.2).astype(int) - photo / 2).max() <= 0.5
    assert np.array_equal(dim(photo, 0), photo)


def test_a_dot_spreads_as_wide_as_the_blur() -> None:
    dot = plain((0, 0, 0), 101)
    dot[48:53, 48:53] = 255
    values = blurred(dot, 0.04)[..., 0].astype(float)  # of 101 pixels: 4.04
    x = np.arange(101) - 50
    variance = (values.sum(0) * x**2).sum() / values.sum()
    assert variance == pytest.approx(4.04**2 + 2.0, rel=0.1)  # 2: of the dot, (25 - 1) / 12


def test_a_tiny_photo_lies_in_the_middle() -> None:
    photo = plain((0, 0, 0), 80)
    photo[:, 40:] = 255
    found = tiny(photo, 0.5)
    assert found[20:60, 20:39].max() == 0
    assert found[20:60, 41:60].min() == 255
    assert 0 < found[10, 38, 0] < 255  # around it the photo's own blur


def test_jpeg_keeps_more_at_a_higher_quality() -> None:
    photo = noise()
    assert distance(photo, jpeg(photo, 95)) < distance(photo, jpeg(photo, 5))
    assert distance(plain((90, 90, 90)), jpeg(plain((90, 90, 90)), 50)) < 1


def test_a_screenshot_shows_the_photo_on_a_page() -> None:
    found = screenshot(plain((255, 0, 0)), 0.5)
    red = (found == (255, 0, 0)).all(-1)
    assert red.mean() == 0.25
    assert red[15:45, 15:45].all()
    assert set(np.unique(found[~red])) == {60, 250}  # text and page


def test_a_share_of_the_photos_is_damaged() -> None:
    photo, draw = noise(24, 24), np.random.default_rng(0)
    changed = [not np.array_equal(Degradation(0.3)(photo, draw), photo) for _ in range(600)]
    assert np.mean(changed) == pytest.approx(0.3, abs=3 * (0.3 * 0.7 / 600) ** 0.5)


def test_the_same_draw_gives_the_same_damage() -> None:
    photo = noise()
    one, two = (Degradation(1.0)(photo, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.array_equal(Degradation(0.0)(photo, np.random.default_rng(5)), photo)
