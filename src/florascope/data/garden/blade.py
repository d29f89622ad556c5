"""A single petal at a place of its own in its blossom."""

from dataclasses import dataclass

import numpy as np

from florascope.data.garden.circle import Vector, direction
from florascope.data.garden.colour import Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import inside, table_index, tip
from florascope.data.garden.petal import Petal, Points, Surface
from florascope.data.garden.plane import Brush, Field, Hull, Plane, Swatch


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
        colours: its own colours, where they are not the blossom's.
    """

    petal: Petal
    turns: float = 0.0
    length: float = 1.0
    base: tuple[float, float] = (0.0, 0.0)
    width: float = 1.0
    bow: float = 0.0
    tone: float = 1.0
    colours: Colourway | None = None

    def brush(self, _sun: Vector, paint: Paint, dice: Dice) -> Brush:
        """Get ready to paint the blade."""
        sheen = np.array(dice.jitter(0.16), dtype=np.float32)
        tone = np.array(self.tone * (1 + dice.jitter(0.05)), dtype=np.float32)
        surface = Surface(self.petal, Paint(self.colours) if self.colours else paint)

        def painter(view: Plane) -> Swatch:
            along, across = self._frame(view)
            at = table_index(along)
            cover = inside(self.petal.outline, at, across)
            cover *= view.pixels * np.float32(self.length)
            cover += np.float32(0.5)
            np.clip(cover, 0, 1, out=cover)
            points = Points(along, at, across, sheen * view.tone, tone * view.tone)
            return surface.appearance(points, cover)

        return Brush(self._hull(), painter)

    def _hull(self) -> Hull:
        """The corners of a box around it."""
        c, s = direction(self.turns)
        outline = self.petal.outline
        half = self.length * (outline.width * self.width + abs(self.bow) + 0.02)
        end = self.length * (1.02 + max(-outline.notch, 0.0))
        middle = (self.base[0] + c * end / 2, self.base[1] + s * end / 2)
        return Hull((c * end / 2, s * end / 2), (-s * half, c * half), middle)

    def _frame(self, view: Plane) -> tuple[Field, Field]:
        c, s = direction(self.turns)
        points = view.points - np.complex64(complex(*self.base))
        points *= np.complex64(complex(c, -s) / self.length)
        along = np.ascontiguousarray(points.real)
        across = points.imag * np.float32(1 / self.width)
        if self.bow:
            across -= np.float32(4 * self.bow / self.width) * (along - along * along)
        outline = self.petal.outline
        if outline.notch or outline.frill:
            along += along * along * tip(outline, across)
        return along, across
