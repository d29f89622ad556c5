"""Geometry by hand: planted dots, mirrored arrays, frequencies over many draws."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from florascope.augmentation import Augmentation, ColourJitter, RandomCrop

SIZE = 65  # odd: there is a pixel in the middle
MIDDLE = SIZE // 2
STILL = Augmentation(rotation=0, zoom=0, translate_x=0, translate_y=0, flip=False)
Draw = Callable[..., None]


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Fix the five draws: each in [-1, 1], as a share of its range."""

    def fix(
        angle: float = 0, zoom: float = 0, x: float = 0, y: float = 0, mirror: float = -1
    ) -> None:
        values = np.array([angle, zoom, x, y, mirror])
        rng = SimpleNamespace(uniform=lambda *_: values)
        monkeypatch.setattr(np.random, "default_rng", lambda _: rng)

    return fix


def noise(photos: int = 1, size: int = SIZE, seed: int = 0) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(seed))  # default_rng is fixed in some tests
    return rng.integers(0, 256, (photos, size, size, 3), dtype=np.uint8)


def dot(right: float, down: float) -> np.ndarray:
    """A soft dot on black, at a place relative to the middle."""
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    spot = 255 * np.exp(-((x - right) ** 2 + (y - down) ** 2) / 8)
    return np.repeat(spot[None, ..., None], 3, axis=-1).astype(np.uint8)


def place(crops: np.ndarray) -> tuple[float, float]:
    """(right, down) of the centre of mass, relative to the middle."""
    y, x = np.mgrid[:SIZE, :SIZE] - MIDDLE
    mass = crops[0, ..., 0].astype(float)
    return float((mass * x).sum() / mass.sum()), float((mass * y).sum() / mass.sum())


def augment(augmentation: Augmentation, crops: np.ndarray) -> np.ndarray:
    return augmentation(crops, seed=0, epoch=0, indexes=range(len(crops)))


@given(size=st.integers(8, 70), seed=st.integers(0, 99))
def test_no_ranges_is_the_identity_bit_for_bit(size: int, seed: int) -> None:
    crops = noise(2, size, seed)
    assert np.array_equal(STILL(crops, seed=seed, epoch=1, indexes=[5, 6]), crops)


def test_a_flip_alone_is_the_exact_mirror_image(draw: Draw) -> None:
    crops = noise()
    flip = Augmentation(rotation=0, zoom=0, translate_x=0, translate_y=0, flip=True)
    draw(mirror=0.5)
    assert np.array_equal(augment(flip, crops), crops[:, :, ::-1])
    draw(mirror=-0.5)
    assert np.array_equal(augment(flip, crops), crops)


@pytest.mark.parametrize("degrees", [30.0, 90.0, -45.0])
def test_a_rotation_carries_a_dot_along_the_circle(draw: Draw, degrees: float) -> None:
    draw(angle=np.sign(degrees))
    turned = augment(Augmentation(abs(degrees), 0, 0, 0, flip=False), dot(right=10, down=0))
    angle = np.deg2rad(degrees)  # anticlockwise; down is positive in an image
    assert place(turned) == pytest.approx((10 * np.cos(angle), -10 * np.sin(angle)), abs=0.15)


def test_a_right_angle_is_numpys(draw: Draw) -> None:
    draw(angle=1)
    crops = noise()
    assert np.array_equal(
        augment(Augmentation(90, 0, 0, 0, flip=False), crops), np.rot90(crops, axes=(1, 2))
    )


@pytest.mark.parametrize("share", [1.0, -1.0])
def test_a_zoom_moves_a_dot_along_its_radius(draw: Draw, share: float) -> None:
    draw(zoom=share)
    zoomed = augment(Augmentation(0, 0.25, 0, 0, flip=False), dot(right=12, down=-8))
    assert place(zoomed) == pytest.approx(
        (12 / (1 + share * 0.25), -8 / (1 + share * 0.25)), abs=0.1
    )


def test_a_translation_shifts_by_whole_pixels_and_reflects_the_edge(draw: Draw) -> None:
    crops, across, down = noise(), 13, 26  # of 65: shares of 0.2 and 0.4
    draw(x=-1, y=0.5)
    moved = augment(Augmentation(0, 0, 0.2, 0.8, flip=False), crops)
    wide = np.pad(crops, ((0, 0), (0, down), (across, 0), (0, 0)), mode="symmetric")
    # float32 places are a hair off the pixels' middles
    assert np.abs(moved.astype(int) - wide[:, down:, :SIZE]).max() <= 1


def test_a_flip_comes_before_a_rotation(draw: Draw) -> None:
    draw(angle=1, mirror=1)
    crops = noise()
    both = augment(Augmentation(90, 0, 0, 0, flip=True), crops)
    turned_first = np.rot90(crops, axes=(1, 2))[:, :, ::-1]
    assert np.array_equal(both, turned_first)


@given(seed=st.integers(0, 10**6), index=st.integers(0, 10**6))
def test_no_black_corners(seed: int, index: int) -> None:
    white = np.full((1, 16, 16, 3), 255, np.uint8)
    wild = Augmentation(rotation=180, zoom=0.9, translate_x=0.9, translate_y=0.9)
    assert wild(white, seed=seed, epoch=0, indexes=[index]).min() == 255


def test_pixels_depend_on_seed_epoch_and_index_alone() -> None:
    crops, wild = noise(6, 20), Augmentation()
    together = wild(crops, seed=3, epoch=2, indexes=[10, 11, 12, 13, 14, 15])
    alone = [wild(crops[i : i + 1], seed=3, epoch=2, indexes=[10 + i])[0] for i in range(6)]
    backwards = wild(crops[::-1].copy(), seed=3, epoch=2, indexes=[15, 14, 13, 12, 11, 10])
    assert np.array_equal(together, np.stack(alone))
    assert np.array_equal(together, backwards[::-1])


@pytest.mark.parametrize("other", [(4, 2, 10), (3, 1, 10), (3, 2, 11), (2, 3, 10)])
def test_another_seed_epoch_or_index_draws_anew(other: tuple[int, int, int]) -> None:
    seed, epoch, index = other
    crops, wild = noise(1, 20), Augmentation()
    first = wild(crops, seed=3, epoch=2, indexes=[10])
    assert not np.array_equal(first, wild(crops, seed=seed, epoch=epoch, indexes=[index]))


def test_draws_fill_their_ranges_evenly_and_half_are_flipped() -> None:
    n = 4000
    maps = np.stack([Augmentation(30, 0.2, 0.1, 0.3).matrix(7, 1, i) for i in range(n)])
    flipped = np.linalg.det(maps[:, :, :2].astype(float)) < 0
    assert flipped.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(n))
    # the second column is unmirrored: scale * (-sin, cos)
    angle = np.rad2deg(np.arctan2(-maps[:, 0, 1], maps[:, 1, 1]))
    scale = np.hypot(maps[:, 0, 1], maps[:, 1, 1])
    spread = {30: angle, 0.2: scale - 1, 0.1: maps[:, 0, 2] / 2, 0.3: maps[:, 1, 2] / 2}
    for reach, values in spread.items():
        assert np.abs(values).max() <= reach * (1 + 1e-6)
        assert np.abs(values).max() > 0.99 * reach
        # a uniform draw from [-r, r] has mean 0 and standard deviation r / sqrt(3)
        assert values.mean() == pytest.approx(0, abs=4 * reach / np.sqrt(3 * n))
        assert values.std() == pytest.approx(reach / np.sqrt(3), rel=0.04)


def test_without_flip_none_is_flipped() -> None:
    maps = [Augmentation(flip=False).matrix(0, 0, i)[:, :2] for i in range(200)]
    assert all(np.linalg.det(m.astype(float)) > 0 for m in maps)


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


class Fixed(np.random.Generator):
    """Draws what it is told to."""

    values: tuple[float, ...]

    def uniform(self, *_: Any) -> Any:
        return np.array(self.values)


def colour_jitter_draw(*values: float) -> np.random.Generator:
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
    found = ColourJitter(0.4)(crop, colour_jitter_draw(*drawn)).astype(int)
    factor = 1 + 0.4 * sum(drawn)
    expected = np.asarray(enhance(Image.fromarray(crop)).enhance(factor)).astype(int)
    assert np.abs(found - expected).max() <= 2  # Pillow rounds the greys first


def test_nothing_drawn_changes_nothing(crop: np.ndarray) -> None:
    assert np.array_equal(ColourJitter(0.5)(crop, colour_jitter_draw(0, 0, 0)), crop)


def test_values_stay_in_range() -> None:
    white = np.full((4, 4, 3), 250, np.uint8)
    assert ColourJitter(0.9)(white, colour_jitter_draw(1, 1, 1)).max() == 255


def test_the_draw_decides(crop: np.ndarray) -> None:
    first, again, other = (ColourJitter()(crop, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
