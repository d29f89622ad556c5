"""A blossom: layers of petals and discs over one another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.colour import Colourway
from florascope.data.garden.dice import Dice
from florascope.data.garden.plane import Plane, Poses, Swatch, patches, plane


class Layer(Protocol):
    """Something of a blossom: `Ring`, `Disc` or `Blade`."""

    def paint(
        self, canvas: Canvas, poses: Poses, colours: Colourway, dice: Dice
    ) -> tuple[Plane, Swatch]:
        """Evaluate the layer for m poses."""
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

    def draw(self, canvas: Canvas, poses: Poses, colours: Colourway, dice: Dice) -> None:
        """Draw m blossoms of the same petals, the last pose on top."""
        painted = [
            list(self._painted(layer, canvas, poses, colours, dice)) for layer in self.layers
        ]
        shadows = _shadows(canvas, poses, self.shade)
        for stamp, *stack in zip(shadows, *painted, strict=True):
            canvas.darken(*stamp)
            for patch in stack:
                canvas.lay(patch)

    def _painted(
        self, layer: Layer, canvas: Canvas, poses: Poses, colours: Colourway, dice: Dice
    ) -> Iterator[Patch]:
        yield from patches(*layer.paint(canvas, poses, colours, dice), flower=True)


Stamp = tuple[int, int, np.ndarray]


def _shadows(canvas: Canvas, poses: Poses, strength: float) -> Iterator[Stamp]:
    """A soft round shadow for each pose, moved away from the sun."""
    moved = Poses(
        poses.x - 0.16 * canvas.sun[0] * poses.radius,
        poses.y - 0.16 * canvas.sun[1] * poses.radius,
        poses.radius,
        poses.spin,
        poses.tilt,
        poses.axis,
        poses.tone,
    )
    view = plane(canvas, moved, 1.15)
    near = (1.3 - (view.u * view.u + view.v * view.v)).clip(0, 1)
    factor = 1 - np.float32(strength) * near * near
    yield from zip(view.left.tolist(), view.top.tolist(), factor, strict=True)
