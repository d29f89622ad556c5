"""Properties of photos against pictures whose answer is known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from florascope.doctor.properties import (
    BARS,
    BLOCKS,
    BORDER,
    BRIGHTNESS,
    COLOUR,
    CONTRAST,
    DETAIL,
    NAMES,
    SHARPNESS,
    measure,
    specks,
)


def values(*images: np.ndarray) -> np.ndarray:
    stack = np.stack(images).astype(np.float32)
    return measure(stack, np.zeros(len(images), np.int64)).values


def photo(seed: int = 0, size: int = 64) -> np.ndarray:
    """Noise with the spectrum of photos, about 1 / frequency, (3, size, size) in [0, 1]."""
    draw = np.random.default_rng(seed)
    at = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    waves = draw.normal(size=(3, size, size)) + 1j * draw.normal(size=(3, size, size))
    image = np.fft.ifft2(waves / np.maximum(at, 1 / size)).real
    return np.asarray(0.5 + image / image.std() * 0.15).clip(0, 1)


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """Down to a size and up again."""
    pixels = Image.fromarray((image.transpose(1, 2, 0) * 255).astype(np.uint8))
    small = pixels.resize((size, size), Image.Resampling.BILINEAR)
    back = small.resize(pixels.size, Image.Resampling.BILINEAR)
    return np.asarray(back).transpose(2, 0, 1) / 255


def test_one_colour_has_a_brightness_alone() -> None:
    row = values(np.full((3, 8, 8), 0.25))[0]
    assert row[BRIGHTNESS] == pytest.approx(0.25)
    assert np.all(np.delete(row, BRIGHTNESS) == 0)


def test_half_black_half_white() -> None:
    image = np.zeros((3, 8, 8))
    image[:, :, 4:] = 1
    row = values(image)[0]
    assert row[BRIGHTNESS] == pytest.approx(0.5)
    assert row[CONTRAST] == pytest.approx(0.5)
    # One step of 2 deviations among 7 across, none down: (0 + 2 / 7) / 2.
    assert row[SHARPNESS] == pytest.approx(1 / 7)


def test_scaling_changes_brightness_and_contrast_alone() -> None:
    one, other = values(photo(), 3 * photo() + 1)
    relative = [COLOUR, SHARPNESS, DETAIL, BORDER, BLOCKS]
    assert np.allclose(one[relative], other[relative], rtol=1e-4)
    assert other[CONTRAST] == pytest.approx(3 * one[CONTRAST], rel=1e-4)


def test_grey_has_no_colour() -> None:
    grey = np.repeat(photo().mean(0, keepdims=True), 3, axis=0)
    one, other = values(photo(), grey)
    assert other[COLOUR] < 1e-6
    assert one[COLOUR] > 0.1


@pytest.mark.parametrize("times", [4, 8])
def test_thumbnails_blown_up_lack_detail(times: int) -> None:
    one, other = values(photo(), resized(photo(), 64 // times))
    assert other[DETAIL] < 0.55
    assert one[DETAIL] > 0.8


def test_blur_takes_sharpness() -> None:
    pixels = Image.fromarray((photo().transpose(1, 2, 0) * 255).astype(np.uint8))
    blurred = np.asarray(pixels.filter(ImageFilter.GaussianBlur(2))).transpose(2, 0, 1) / 255
    one, other = values(photo(), blurred)
    assert other[SHARPNESS] < 0.6 * one[SHARPNESS]


def test_a_frame_takes_the_border() -> None:
    framed = photo()
    framed[:, [0, -1]] = 0
    framed[:, :, [0, -1]] = 0
    one, other = values(photo(), framed)
    assert other[BORDER] == 0 < one[BORDER]


def test_blocks_of_eight_pixels() -> None:
    steps = np.repeat(np.arange(8.0), 8) / 8
    image = np.tile(steps, (3, 64, 1))
    assert values(image)[0][BLOCKS] > 0.1
    assert values(np.roll(image, 4, axis=2))[0][BLOCKS] < 0


def test_scrambled_photos_are_smoother_in_the_other_order() -> None:
    whole = photo()
    mixed = np.ascontiguousarray(whole.transpose(1, 2, 0)).reshape(whole.shape)
    zeros = np.zeros(1, np.int64)
    assert measure(whole[None].astype(np.float32), zeros).reordered > 0.9
    assert measure(mixed[None].astype(np.float32), zeros).reordered < 0.7
    assert measure(np.zeros((1, 3, 16, 16), np.float32), zeros).reordered == 1.0


@pytest.mark.parametrize("padding", [16, 13, -24])
def test_rows_that_were_read_with_another_length(padding: int) -> None:
    """Numbers of rows, with padding that belongs to none, or without some that do."""
    whole = np.stack([photo(seed) for seed in range(4)])
    rows = whole.transpose(0, 2, 3, 1).reshape(4, 64, 192)
    held = np.pad(rows, ((0, 0), (0, 0), (0, max(padding, 0))))[..., : 192 + padding]
    flat = np.pad(held.reshape(4, -1), ((0, 0), (0, 64 * 192)))[:, : 48 * 192]
    read = flat.reshape(4, 48, 64, 3).transpose(0, 3, 1, 2)
    zeros = np.zeros(4, np.int64)
    assert measure(read, zeros).realigned < 0.7
    assert measure(read, zeros).steepness > 1.5
    assert measure(whole, zeros).realigned == 1.0
    assert 0.8 < measure(whole, zeros).steepness < 1.25


def test_bars_and_tint() -> None:
    framed = photo()
    framed[:, :16] = 0.2
    assert values(framed)[0, BARS] == pytest.approx(16 / 128)
    red = photo()
    red[0] += 0.3
    tint = [NAMES.index(f"{name} of the edge") for name in ("red", "green")]
    change = values(red)[0, tint] - values(photo())[0, tint]
    np.testing.assert_allclose(change, [0.2, -0.1], atol=1e-5)


def test_grain_is_the_deviation_of_the_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64))
    grey = np.repeat(noise[:1], 3, axis=0)
    at = [NAMES.index("grain"), NAMES.index("grain of the colours")]
    # means of three channels deviate by a root of 3 less, differences by a root of 2 more
    expected = [0.1 / 3**0.5, 0.1 * 2**0.5]
    np.testing.assert_allclose(values(noise)[0, at], expected, rtol=0.1)
    np.testing.assert_allclose(values(grey)[0, at], [0.1, 0], rtol=0.1)


def test_single_pixels_are_found_in_their_place() -> None:
    flat = np.zeros((1, 3, 64, 64), np.float32)
    flat[0, 0, 10, 33] = 1
    found = specks(flat)
    assert found is not None
    assert np.flatnonzero(found[0]).tolist() == [5 * 32 + 16]
    assert specks(flat[..., :16]) is None


def test_photos_with_contradicting_labels() -> None:
    one, other = photo(0), photo(1)
    stack = np.stack([one, one, other, other]).astype(np.float32)
    assert measure(stack, np.array([0, 1, 2, 2])).conflicting == 0.5


def test_a_mirrored_photo_is_near_its_original() -> None:
    made = measure(np.stack([photo(0), photo(1)]).astype(np.float32), np.zeros(2, np.int64))
    assert made.small is not None
    np.testing.assert_allclose(np.linalg.norm(made.small, axis=1), 1, rtol=1e-5)
    blocks = photo(0)[:, :60, :60].reshape(3, 10, 6, 10, 6).mean((2, 4))
    cut = measure(photo(0)[None, :, :60, :60].astype(np.float32), np.zeros(1, np.int64))
    flat = (blocks - blocks.mean()).ravel()
    assert cut.small is not None
    np.testing.assert_allclose(cut.small[0], flat / np.linalg.norm(flat), atol=1e-5)
