"""What the camera adds: softness, exposure, white balance, vignetting, noise."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, UInt8

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.dice import Dice


def soften(canvas: Canvas, amount: float) -> None:
    """Blur light and share alike with (a, 1-2a, a) in both directions, 0 <= a <= 1/3."""
    for plane in canvas.planes:  # one at a time: it stays in the cache
        for lines in (plane, plane.T):
            sides = lines * np.float32(amount)
            lines *= np.float32(1 - 2 * amount)
            lines[1:] += sides[:-1]
            lines[:-1] += sides[1:]
            lines[0] += sides[0]
            lines[-1] += sides[-1]


def expose(canvas: Canvas, dice: Dice) -> UInt8[np.ndarray, "size size 3"]:
    """Turn light into pixels: every step here acts on each pixel by itself.

    The tone curve is x (1 - c/2 + 3c/2 x - c x^2): it keeps 0 and 1 and, for a contrast c > 0,
    deepens shadows and keeps highlights from burning out. Exposure and white balance are folded
    into its coefficients.
    """
    gains = dice.uniform(0.85, 1.2) * (1 + dice.jitters(3, 0.09))
    corners = 1 - np.float32(dice.uniform(0.0, 0.3)) * _corners(canvas.size)
    c = dice.uniform(0.0, 0.55)
    grains = noise(canvas.size, dice.uniform(0.5, 5.0), dice)
    levels = np.empty((3, canvas.size, canvas.size), dtype=np.uint8)
    for plane, gain, grain, level in zip(
        canvas.planes, gains.tolist(), grains, levels, strict=False
    ):
        light = plane * corners
        curve = light * np.float32(-255 * c * gain * gain * gain)
        curve += np.float32(255 * 1.5 * c * gain * gain)
        curve *= light
        curve += np.float32(255 * (1 - c / 2) * gain)
        curve *= light
        curve += grain
        level[:] = curve.clip(0, 255, out=curve)
    return np.stack(tuple(levels), axis=-1)


def noise(size: int, sigma: float, dice: Dice) -> Float32[np.ndarray, "3 size size"]:
    """Sensor noise of a standard deviation in levels, with mean 0.5 for rounding."""
    first = dice.whole(0, GRAINS - 1)
    levels = _grains(3 * size * size)[first : first + 3 * size * size] * np.float32(sigma)
    levels += np.float32(0.5)
    return levels.reshape(3, size, size)


GRAINS = 2**18


@lru_cache(maxsize=4)
def _grains(n: int) -> Float32[np.ndarray, "n_grains"]:
    """A period of nearly normal noise of deviation 1, repeated to hold n numbers from anywhere."""
    octets = Dice(5).octets(3 * GRAINS).reshape(3, -1).astype(np.float32)
    # The sum of three uniform bytes has variance 3 (256^2 - 1) / 12.
    period = (octets[0] + octets[1] + octets[2] - np.float32(382.5)) / np.float32(128.0)
    return np.tile(period, 1 + -(-n // GRAINS))


@lru_cache(maxsize=8)
def _corners(size: int) -> Float32[np.ndarray, "size size"]:
    """Squared distance from the middle, 1 in the corners."""
    x = (np.arange(size) + 0.5) / size * 2 - 1
    return ((x * x + (x * x)[:, None]) / 2).astype(np.float32)
