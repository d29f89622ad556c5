"""A single petal, leaf or stem at a place of its own."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import direction
from florascope.data.garden.colour import Colourway
from florascope.data.garden.dice import Dice
from florascope.data.garden.petal import Petal, petal_rows, surface
from florascope.data.garden.plane import Plane, Poses, Swatch, plane


@dataclass(frozen=True)
class Blade:
    """One petal in the plane of its blossom.

    Attributes:
        petal: its kind.
        turns: its direction in the plane.
        length: as a fraction of the blossom's radius.
        base: where it begins, in the plane.
        width: factor of the outline's width.
        bow: how far its middle is bent sideways, as a fraction of the length.
        tone: brightness.
        soft: width of its edge in pixels; more than 1 is out of focus.
        colours: its own colours, where they are not the blossom's.
    """

    petal: Petal
    turns: float = 0.0
    length: float = 1.0
    base: tuple[float, float] = (0.0, 0.0)
    width: float = 1.0
    bow: float = 0.0
    tone: float = 1.0
    soft: float = 1.0
    colours: Colourway | None = None

    def paint(
        self, canvas: Canvas, poses: Poses, colours: Colourway, dice: Dice
    ) -> tuple[Plane, Swatch]:
        """Evaluate the blade for m poses."""
        view = plane(canvas, poses, 1.05 + self.soft / (poses.radius.max() * canvas.size))
        along, across = self._frame(view)
        sheen = dice.jitters(1, 0.16)
        rows = petal_rows(
            self.petal,
            self.colours or colours,
            np.array([self.width]),
            self.tone * (1 + dice.jitters(1, 0.05)),
            sheen,
        )
        pixels = view.pixels * np.float32(self.length)
        seen = surface(rows, along, across, np.intp(0), pixels, self.soft)
        return view, Swatch(seen.colour * (seen.cover * view.tone), seen.cover)

    def _frame(
        self, view: Plane
    ) -> tuple[Float32[np.ndarray, "m p p"], Float32[np.ndarray, "m p p"]]:
        c, s = (np.float32(part / self.length) for part in direction(self.turns))
        u, v = view.u - np.float32(self.base[0]), view.v - np.float32(self.base[1])
        along = u * c + v * s
        across = v * c - u * s
        if self.bow:
            across -= np.float32(4 * self.bow) * along * (1 - along)
        return along, across
