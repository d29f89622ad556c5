"""Colours of petals, leaves and ground, as display red, green and blue from 0 to 1."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Colourway:
    """The colours of one petal.

    Attributes:
        body: most of it.
        tip: towards its end.
        throat: at its base.
        mark: its veins' deepest tone, spots and blotches.
    """

    body: RGB
    tip: RGB
    throat: RGB
    mark: RGB


@dataclass(frozen=True)
class Paint:
    """Colours and the tint that one plant gives them.

    Attributes:
        colours: the colours.
        tint: factors of red, green and blue.
    """

    colours: Colourway
    tint: RGB = (1.0, 1.0, 1.0)

    @cached_property
    def mark(self) -> RGB:
        """The colours' mark, tinted."""
        (r, g, b), (tr, tg, tb) = self.colours.mark, self.tint
        return r * tr, g * tg, b * tb

    @cached_property
    def factors(self) -> Float32[np.ndarray, "4"]:
        """The tint, and 1 for a fourth number that is no colour."""
        return np.array([*self.tint, 1], dtype=np.float32)


WHITE = Colourway((0.90, 0.89, 0.86), (0.97, 0.96, 0.94), (0.80, 0.84, 0.62), (0.50, 0.16, 0.34))
CREAM = Colourway((0.94, 0.88, 0.68), (0.97, 0.93, 0.80), (0.90, 0.78, 0.36), (0.60, 0.28, 0.12))
YELLOW = Colourway((0.94, 0.76, 0.10), (0.97, 0.84, 0.25), (0.88, 0.56, 0.06), (0.56, 0.22, 0.06))
ORANGE = Colourway((0.92, 0.47, 0.09), (0.96, 0.60, 0.20), (0.86, 0.62, 0.10), (0.42, 0.10, 0.06))
RED = Colourway((0.78, 0.09, 0.10), (0.86, 0.17, 0.15), (0.50, 0.04, 0.08), (0.20, 0.02, 0.06))
PINK = Colourway((0.91, 0.56, 0.67), (0.95, 0.72, 0.79), (0.94, 0.86, 0.74), (0.58, 0.10, 0.30))
MAGENTA = Colourway((0.76, 0.17, 0.47), (0.85, 0.36, 0.61), (0.90, 0.72, 0.76), (0.36, 0.03, 0.22))
VIOLET = Colourway((0.46, 0.23, 0.64), (0.60, 0.40, 0.76), (0.84, 0.78, 0.84), (0.20, 0.05, 0.30))
BLUE = Colourway((0.31, 0.38, 0.78), (0.47, 0.55, 0.88), (0.86, 0.88, 0.92), (0.12, 0.10, 0.42))

LEAVES: tuple[Colourway, ...] = (
    Colourway((0.24, 0.42, 0.14), (0.31, 0.49, 0.18), (0.22, 0.36, 0.13), (0.14, 0.27, 0.08)),
    Colourway((0.33, 0.49, 0.18), (0.43, 0.57, 0.24), (0.30, 0.44, 0.16), (0.20, 0.33, 0.10)),
    Colourway((0.20, 0.36, 0.22), (0.29, 0.44, 0.30), (0.18, 0.31, 0.18), (0.12, 0.23, 0.13)),
    Colourway((0.42, 0.52, 0.22), (0.52, 0.59, 0.28), (0.38, 0.46, 0.19), (0.26, 0.34, 0.11)),
)
