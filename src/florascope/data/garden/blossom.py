"""A blossom: layers of petals and discs over one another."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from jaxtyping import Float32

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.plane import Poses


class Layer(Protocol):
    """Something of a blossom: `Ring`, `Disc` or `Blade`."""

    def patches(self, canvas: Canvas, poses: Poses, paint: Paint, dice: Dice) -> list[list[Patch]]:
        """Paint the layer: the patches of each of m poses."""
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
        painted = [layer.patches(canvas, poses, paint, dice) for layer in self.layers]
        shadows = _shadows(canvas, poses, self.shade)
        for shadow, *stack in zip(shadows, *painted, strict=True):
            if self.shade:
                canvas.darken(*shadow)
            for patch in chain.from_iterable(stack):
                canvas.lay(patch)


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
