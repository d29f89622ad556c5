"""A ring of petals around a centre, all evaluated in one pass over its pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import cosine_sine, turn
from florascope.data.garden.colour import Colourway
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import LENGTH
from florascope.data.garden.petal import Petal, PetalRows, petal_rows, surface
from florascope.data.garden.plane import Plane, Poses, Swatch, plane


@dataclass(frozen=True)
class Ring:
    """Petals at equal angles, each lying over its neighbour on one side.

    Attributes:
        petal: their kind.
        count: how many, at least 3.
        size: their length, as a fraction of the blossom's radius.
        offset: turn against the blossom's spin, in petals.
        lift: height over the blossom's plane, per unit of radius; a cup is positive.
        tone: brightness.
        disorder: how much angle, length, width and tone vary from petal to petal, 0 to 1.
        shadow: how dark the shadow on the neighbour below is, 0 to 1.
        colours: the ring's own colours, where they are not the blossom's.
    """

    petal: Petal
    count: int
    size: float = 1.0
    offset: float = 0.0
    lift: float = 0.0
    tone: float = 1.0
    disorder: float = 0.5
    shadow: float = 0.4
    colours: Colourway | None = None

    def paint(
        self, canvas: Canvas, poses: Poses, colours: Colourway, dice: Dice
    ) -> tuple[Plane, Swatch]:
        """Evaluate the ring for m poses; all share the same variation between petals."""
        view = plane(canvas, poses, 1.05 * self.size, self.lift)
        spokes = self._spokes(dice)
        rows = self._rows(canvas, poses, self.colours or colours, spokes, dice)
        return view, _paint(view, rows, spokes, self)

    def _spokes(self, dice: Dice) -> "Spokes":
        n = self.count
        turns = (np.arange(n) + self.offset + dice.jitters(n, 0.22 * self.disorder)) / n
        length = self.size * (1 - dice.uniforms(n, 0.0, 0.16 * self.disorder))
        return Spokes(turns, length)

    def _rows(
        self, canvas: Canvas, poses: Poses, colours: Colourway, spokes: "Spokes", dice: Dice
    ) -> PetalRows:
        n = self.count
        c, s = cosine_sine(spokes.turns + float(poses.spin[0]))
        toward = c * canvas.sun[0] + s * canvas.sun[1]
        sideways = c * canvas.sun[1] - s * canvas.sun[0]
        widths = 1 + dice.jitters(n, 0.14 * self.disorder)
        tones = self.tone * (1 + 0.1 * toward + dice.jitters(n, 0.08 * self.disorder))
        return petal_rows(self.petal, colours, widths, tones, 0.14 * sideways)


@dataclass(frozen=True)
class Spokes:
    """Directions in turns and lengths in radii of n petals."""

    turns: Float64[np.ndarray, "n"]
    length: Float64[np.ndarray, "n"]

    def frames(self) -> Float32[np.ndarray, "2 n2"]:
        """Cosine and sine over length, for petals 0 .. n-1, 0, 1: (2, n + 2)."""
        n = len(self.turns)
        c, s = cosine_sine(self.turns)
        around = np.arange(n + 2) % n
        return (np.stack([c, s]) / self.length)[:, around].astype(np.float32)


def _paint(view: Plane, rows: PetalRows, spokes: Spokes, ring: Ring) -> Swatch:
    """Each pixel can see two petals: the one before its angle and, over it, the one after."""
    n = ring.count
    pair = (turn(view.v, view.u) - np.float32(ring.offset / n)) * np.float32(n)
    pair = np.where(pair < 0, pair + np.float32(n), pair).astype(np.intp)
    pair = np.stack([pair, pair + 1])
    c, s = (frame.take(pair) for frame in spokes.frames())
    first = (np.arange(n + 2) % n * LENGTH).take(pair)
    along = view.u * c + view.v * s
    across = view.v * c - view.u * s
    seen = surface(rows, along, across, first, view.pixels * np.float32(ring.size))
    below, above = seen.colour[:, 0], seen.colour[:, 1]
    if ring.shadow:
        below *= _shadow(seen.inside[1], view, ring.shadow)
    return _over(above, seen.cover[1], below, seen.cover[0], view.tone)


def _shadow(
    inside: Float32[np.ndarray, "m p p"], view: Plane, strength: float
) -> Float32[np.ndarray, "m p p"]:
    """Darkest at the upper petal's edge, gone at a tenth of the radius."""
    near = (inside / (view.pixels * np.float32(0.12)) + 1).clip(0, 1)
    near *= near
    near *= np.float32(-strength)
    near += 1
    return near


def _over(
    above: Float32[np.ndarray, "3 m p p"],
    above_cover: Float32[np.ndarray, "m p p"],
    below: Float32[np.ndarray, "3 m p p"],
    below_cover: Float32[np.ndarray, "m p p"],
    tone: Float32[np.ndarray, "m 1 1"],
) -> Swatch:
    rest = below_cover * (1 - above_cover)
    light = above * (above_cover * tone)
    light += below * (rest * tone)
    return Swatch(light, above_cover + rest)
