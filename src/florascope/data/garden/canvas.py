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
        light: (3, h, w) red, green and blue, 0 to about 1, times the cover.
        cover: (h, w) how much of what lies below it hides, 0 to 1.
    """

    left: int
    top: int
    light: Float32[np.ndarray, "3 h w"]
    cover: Float32[np.ndarray, "h w"]


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
        h, w = patch.cover.shape
        region = self.planes[:, patch.top : patch.top + h, patch.left : patch.left + w]
        region *= 1 - patch.cover
        region[:3] += patch.light
        region[3] += patch.cover

    def dab(self, dab: Dab) -> None:
        """Cover what is there with something that is not flower."""
        flat = self.planes.reshape(4, -1)
        seen = flat.take(dab.index, axis=1)
        seen *= 1 - dab.cover
        seen[:3] += dab.light
        for plane, values in zip(flat, seen, strict=True):
            plane[dab.index] = values

    def darken(self, patch: Patch) -> None:
        """Take away the patch's cover from the light, and not from the share: a shadow."""
        h, w = patch.cover.shape
        region = self.planes[:3, patch.top : patch.top + h, patch.left : patch.left + w]
        region *= 1 - patch.cover
