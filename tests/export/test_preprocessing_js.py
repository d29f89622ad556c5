"""The browser's preprocessing against Pillow's pixels."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from florascope.images import RGB
from florascope.preprocessing import LONGEST, Preprocessing

SIZES = [(256, 300), (300, 256), (700, 501), (64, 64), (37, 50), (223, 225), (224, 224)]
THIN = [(20, 900), (1, 5), (4, 300)]  # 300 is more than LONGEST times 4
INTERPOLATIONS: Any = ("bilinear", "bicubic", "lanczos")


def noise(shape: tuple[int, int]) -> RGB:
    """Every pixel is independent, so that no error of a weight or a place averages out."""
    return np.random.default_rng(shape).integers(0, 256, (*shape, 3), dtype=np.uint8)


def case(folder: Path, pixels: RGB, settings: Preprocessing) -> dict[str, Any]:
    height, width = pixels.shape[:2]
    file = folder / f"{height}-{width}.rgba"
    np.dstack([pixels, np.full((height, width), 255, np.uint8)]).tofile(file)
    shape = {"width": width, "height": height, "longest": LONGEST}
    return {"what": "crop", "file": str(file), **shape, "settings": settings.to_json()}


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_centre_crops_are_pillows_to_the_bit(
    engine: Any, tmp_path: Path, interpolation: Any
) -> None:
    shares, sides = (0.875, 0.95, 1.0), (33, 224)
    made = [
        (noise(shape), Preprocessing(size=size, crop_pct=share, interpolation=interpolation))
        for shape, share, size in itertools.product([*SIZES, *THIN], shares, sides)
    ]
    found = engine([case(tmp_path, pixels, settings) for pixels, settings in made])
    for (pixels, settings), answer in zip(made, found, strict=True):
        np.testing.assert_array_equal(answer, settings.crop(pixels).ravel(), str(pixels.shape))


def test_squashed_photos_differ_by_rounding_alone(engine: Any, tmp_path: Path) -> None:
    """Newer versions of Pillow choose which axis comes first; bytes are rounded in between."""
    settings = Preprocessing(crop_pct=0.9, crop_mode="squash")
    photos = [noise(shape) for shape in SIZES]
    found = engine([case(tmp_path, pixels, settings) for pixels in photos])
    for pixels, answer in zip(photos, found, strict=True):
        off = np.abs(np.array(answer) - settings.crop(pixels).ravel().astype(int))
        assert off.max() <= 1


def test_a_photo_of_several_strips(engine: Any, tmp_path: Path) -> None:
    """Four million pixels are read at a time: this photo has six."""
    pixels, settings = noise((2000, 3000)), Preprocessing(crop_pct=1.0)
    (found,) = engine([case(tmp_path, pixels, settings)])
    np.testing.assert_array_equal(found, settings.crop(pixels).ravel())


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_standardised_values_are_numpys(engine: Any, order: Any) -> None:
    settings = Preprocessing(size=8, mean=(0.1, 0.5, 0.9), std=(0.2, 0.3, 0.4), channel_order=order)
    pixels = noise((8, 8))
    given = {"pixels": pixels.ravel().tolist(), "settings": settings.to_json()}
    (found,) = engine([{"what": "normalise", **given}])
    expected = settings.normalise(pixels[None]).ravel()
    np.testing.assert_array_equal(np.array(found, np.float32), expected)
