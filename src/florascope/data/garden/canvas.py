"""The picture in the making: its light, and the flower's share of every pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of flower, ready to be laid on a canvas.

    Attributes:
        left: column of its first pixel.
        top: row of its first pixel.
        planes: (4, h, w) red, green and blue, 0 to about 1, times the cover; then the cover: how
            much of what lies below it hides, 0 to 1.
    """

    left: int
    top: int
    planes: Float32[np.ndarray, "4 h w"]


@dataclass(frozen=True, slots=True)
class Dab:
    """Scattered pixels of anything but flower, ready to be laid on a canvas.

    Attributes:
        index: (n,) row * size + column of each pixel, no pixel twice.
        light: (3, n) red, green and blue, 0 to about 1, times the cover.
        cover: (n,) how much of what lies below it hides, 0 to 1.
    """

    index: Int64[np.ndarray, "n"]
    light: Float32[np.ndarray, "3 n"]
    cover: Float32[np.ndarray, "n"]


class Canvas:
    """Four planes, (4, size, size): red, green, blue and the flower's share.

    The share is carried through every step that mixes pixels (covering and blurring) exactly as
    the light is, so at any time a pixel's light is share * (light of flower) +
    (1 - share) * (light of other things).

    Args:
        size: pixels a side; places on the canvas are fractions of it, with y downward.
        sun: unit vector on the screen pointing to where the light comes from.
    """

    def __init__(self, size: int, sun: tuple[float, float] = (0.0, -1.0)) -> None:
        self.planes = np.zeros((4, size, size), dtype=np.float32)
        self.size = size
        self.sun = sun

    def lay(self, patch: Patch) -> None:
        """Cover what is there with a patch of flower."""
        _, h, w = patch.planes.shape
        region = self.planes[:, patch.top : patch.top + h, patch.left : patch.left + w]
        region *= 1 - patch.planes[3]
        region += patch.planes

    def dab(self, dab: Dab) -> None:
        """Cover what is there with something that is not flower."""
        flat = self.planes.reshape(4, -1)
        seen = flat.take(dab.index, axis=1)
        seen *= 1 - dab.cover
        seen[:3] += dab.light
        for plane, values in zip(flat, seen, strict=True):
            plane[dab.index] = values

    def darken(self, left: int, top: int, factor: Float32[np.ndarray, "h w"]) -> None:
        """Multiply the light, and not the share, by a factor: a shadow, wherever it falls."""
        h, w = factor.shape
        rows, columns = slice(max(top, 0), max(top + h, 0)), slice(max(left, 0), max(left + w, 0))
        region = self.planes[:3, rows, columns]
        h, w = region.shape[1:]
        y, x = max(-top, 0), max(-left, 0)
        region *= factor[y : y + h, x : x + w]
