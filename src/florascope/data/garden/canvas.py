"""The picture in the making: its light, and the flower's share of every pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

Light = Float32[np.ndarray, "3 h w"]
Cover = Float32[np.ndarray, "h w"]


@dataclass(frozen=True, slots=True)
class Patch:
    """Something painted, ready to be laid on a canvas.

    Attributes:
        left: column of its first pixel.
        top: row of its first pixel.
        light: (3, h, w) red, green and blue, 0 to about 1, times the cover.
        cover: (h, w) how much of what lies below it hides, 0 to 1.
        flower: whether it is flower (petals and centres) and not leaf, stem or ground.
    """

    left: int
    top: int
    light: Light
    cover: Cover
    flower: bool


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
        """Cover what is there with a patch."""
        h, w = patch.cover.shape
        region = self.planes[:, patch.top : patch.top + h, patch.left : patch.left + w]
        region *= 1 - patch.cover
        region[:3] += patch.light
        if patch.flower:
            region[3] += patch.cover

    def darken(self, left: int, top: int, factor: Cover) -> None:
        """Multiply the light, and not the share, by a factor: a shadow."""
        h, w = factor.shape
        self.planes[:3, top : top + h, left : left + w] *= factor
