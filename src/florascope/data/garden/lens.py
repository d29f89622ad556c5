"""What the camera adds: softness, exposure, white balance, vignetting, noise."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, UInt8

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.dice import Dice


def soften(canvas: Canvas, amount: float) -> None:
    """Blur light and share alike with (a, 1-2a, a) in both directions, 0 <= a <= 1/3."""
    a = np.float32(amount)
    for axis in (1, 2):
        planes = canvas.planes
        blurred = planes * (1 - 2 * a)
        planes *= a
        before, after = [slice(None)] * 3, [slice(None)] * 3
        before[axis], after[axis] = slice(1, None), slice(None, -1)
        blurred[tuple(before)] += planes[tuple(after)]
        blurred[tuple(after)] += planes[tuple(before)]
        first, last = [slice(None)] * 3, [slice(None)] * 3
        first[axis], last[axis] = slice(0, 1), slice(-1, None)
        blurred[tuple(first)] += planes[tuple(first)]
        blurred[tuple(last)] += planes[tuple(last)]
        canvas.planes = blurred


def expose(canvas: Canvas, dice: Dice) -> UInt8[np.ndarray, "size size 3"]:
    """Turn light into pixels: every step here acts on each pixel by itself."""
    size = canvas.size
    light = canvas.planes[:3]
    gain = dice.uniform(0.85, 1.2) * (1 + dice.jitters(3, 0.09))
    light *= gain.astype(np.float32)[:, None, None]
    light *= 1 - np.float32(dice.uniform(0.0, 0.3)) * _corners(size)
    # A tone curve through 0 and 1: contrast > 0 deepens shadows and keeps highlights from burning.
    np.clip(light, 0, np.float32(1.25), out=light)
    contrast = np.float32(dice.uniform(0.0, 0.55))
    curve = light * -contrast
    curve += np.float32(1.5) * contrast
    curve *= light
    curve += 1 - contrast * np.float32(0.5)
    light *= curve
    light *= np.float32(255)
    light += noise_levels(size, dice.uniform(0.5, 5.0), dice)
    np.clip(light, 0, 255, out=light)
    return np.ascontiguousarray(light.astype(np.uint8).transpose(1, 2, 0))


def noise_levels(size: int, sigma: float, dice: Dice) -> Float32[np.ndarray, "3 size size"]:
    """Triangular noise of a standard deviation in levels, with mean 0.5 for rounding."""
    octets = dice.octets(2 * 3 * size * size).reshape(2, 3, size, size)
    noise = octets[0].astype(np.float32)
    noise -= octets[1]
    noise *= np.float32(sigma / 104.5)  # the difference of two uniform bytes has deviation 104.5
    noise += np.float32(0.5)
    return noise


@lru_cache(maxsize=8)
def _corners(size: int) -> Float32[np.ndarray, "size size"]:
    """Squared distance from the middle, 1 in the corners."""
    x = (np.arange(size) + 0.5) / size * 2 - 1
    return ((x * x + (x * x)[:, None]) / 2).astype(np.float32)
