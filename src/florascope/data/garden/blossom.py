"""A blossom: layers of petals and discs over one another."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.plane import Plane, Poses, Swatch, disc_hull, sweep


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
        shadows = _shadows(canvas, poses, self.shade)
        painted = [layer.patches(canvas, poses, paint, dice) for layer in self.layers]
        for shadow, *stack in zip(shadows, *painted, strict=True):
            for patch in shadow:
                canvas.darken(patch)
            for patches in stack:
                for patch in patches:
                    canvas.lay(patch)


def _shadows(canvas: Canvas, poses: Poses, strength: float) -> list[list[Patch]]:
    """A soft round shadow for each pose, moved away from the sun."""

    def painter(view: Plane) -> Swatch:
        near = view.u * view.u
        near += view.v * view.v
        np.subtract(np.float32(1.3), near, out=near)
        near.clip(0, 1, out=near)
        near *= near
        near *= np.float32(strength)
        return Swatch(near[None], near)

    moved = replace(
        poses,
        x=poses.x - 0.16 * canvas.sun[0] * poses.radius,
        y=poses.y - 0.16 * canvas.sun[1] * poses.radius,
    )
    return sweep(canvas, moved, disc_hull(1.15), painter)
