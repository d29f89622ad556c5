"""A blossom: layers of petals and discs over one another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import Vector, direction
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.plane import Brush, painted
from florascope.data.garden.pose import Poses


class Layer(Protocol):
    """Something of a blossom: `Ring`, `Disc` or `Blade`."""

    def brush(self, sun: Vector, paint: Paint, dice: Dice) -> Brush:
        """Get ready to paint the layer.

        Args:
            sun: unit vector in the blossom's plane to where the light comes from.
            paint: the plant's colours.
            dice: for what varies from petal to petal.
        """
        ...


@dataclass(frozen=True)
class Blossom:
    """Layers from the lowest to the topmost.

    Attributes:
        layers: rings, discs and blades.
        shade: how dark the shadow is that it casts around itself, 0 to 1.
    """

    layers: tuple[Layer, ...]
    shade: float = 0.4

    def draw(self, canvas: Canvas, poses: Poses, paint: Paint, dice: Dice) -> None:
        """Draw m blossoms of the same petals, the last pose on top."""
        sun = _unspun(canvas.sun, float(poses.spin[0]))
        brushes = [layer.brush(sun, paint, dice) for layer in self.layers]
        stacks = painted(canvas.size, poses, brushes)
        for shadow, stack in zip(_shadows(canvas, poses, self.shade), stacks, strict=True):
            if self.shade:
                canvas.darken(*shadow)
            for patch in stack:
                canvas.lay(patch)


def _unspun(sun: Vector, spin: float) -> Vector:
    """The sun's direction in a plane that is spun."""
    c, s = direction(spin)
    return sun[0] * c + sun[1] * s, sun[1] * c - sun[0] * s


def _shadows(
    canvas: Canvas, poses: Poses, strength: float
) -> Iterator[tuple[int, int, Float32[np.ndarray, "h w"]]]:
    """A soft round shadow away from the sun for each pose, of the largest pose's size."""
    radius = float(poses.radius.max()) * canvas.size
    half = int(1.15 * radius) + 1
    steps = np.arange(-half, half + 1, dtype=np.float32) / np.float32(radius)
    squares = steps * steps
    near = np.float32(1.3) - squares - squares[:, None]
    near.clip(0, 1, out=near)
    near *= near
    near *= np.float32(-strength)
    near += 1
    away = 0.16 * radius * np.array(canvas.sun)[:, None]
    corners = np.rint(poses.centre * canvas.size - away).astype(np.int64) - half
    return ((left, top, near) for left, top in corners.T.tolist())
