"""A ring of petals around a centre, all evaluated in one pass over its pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex64, Float32, Float64

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.circle import cosine_sine, turn
from florascope.data.garden.colour import Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import inside, tip
from florascope.data.garden.petal import Petal, Points, appearance
from florascope.data.garden.plane import Field, Plane, Poses, Swatch, disc_hull, sweep


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
        shadow: how dark the shadow on the neighbour below is, 0 to 1; at 0 petals do not overlap.
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

    def patches(self, canvas: Canvas, poses: Poses, paint: Paint, dice: Dice) -> list[list[Patch]]:
        """Paint the ring for m poses; all share the same variation between petals."""
        spokes = self._spokes(canvas, float(poses.spin[0]), dice)
        own = Paint(self.colours) if self.colours else paint

        def painter(view: Plane) -> Swatch:
            return _paint(view, spokes, self, own)

        return sweep(canvas, poses, disc_hull(self.size, lift=self.lift), painter)

    def _spokes(self, canvas: Canvas, spin: float, dice: Dice) -> "Spokes":
        n = self.count
        angle, length, tone = dice.uniforms(3 * n, -1.0, 1.0).reshape(3, n) * self.disorder
        turns = (np.arange(n) + self.offset + 0.12 * angle) / n
        c, s = cosine_sine(np.stack([turns, turns + spin]))
        toward = c[1] * canvas.sun[0] + s[1] * canvas.sun[1]
        sideways = c[1] * canvas.sun[1] - s[1] * canvas.sun[0]
        long = self.size * (0.93 + 0.07 * length)
        bright = self.tone * (1 + 0.1 * toward + 0.05 * tone)
        around = np.arange(2 * n + 2) % n
        return Spokes(
            _pack(c[0] / long, s[0] / long)[around], _pack(bright, 0.14 * sideways)[around]
        )


@dataclass(frozen=True)
class Spokes:
    """What differs from petal to petal, for petals 0 .. n-1 twice, 0, 1; packed in pairs.

    One gather of a pair costs half of two gathers; complex numbers are only the container.

    Attributes:
        frame: (2n + 2,) cosine and sine of the direction, over the length.
        look: (2n + 2,) tone and sheen.
    """

    frame: Complex64[np.ndarray, "n2"]
    look: Complex64[np.ndarray, "n2"]


def _paint(view: Plane, spokes: Spokes, ring: Ring, paint: Paint) -> Swatch:
    place = turn(view.v, view.u)
    place *= np.float32(ring.count)
    if ring.shadow:
        return _overlapping(view, spokes, ring, paint, place)
    return _apart(view, spokes, ring, paint, place)


def _apart(view: Plane, spokes: Spokes, ring: Ring, paint: Paint, place: Field) -> Swatch:
    """Each pixel can see the petal nearest to its angle."""
    place += np.float32(ring.count + 0.5 - ring.offset)
    petal = place.astype(np.intp)
    along, across = _frames(view, spokes.frame.take(petal), ring)
    cover = inside(ring.petal.outline, along, across)
    cover *= view.pixels * np.float32(ring.size)
    cover += np.float32(0.5)
    cover.clip(0, 1, out=cover)
    look = spokes.look.take(petal)
    light = appearance(ring.petal, paint.colours, Points(along, across, look.imag, look.real))
    light *= cover
    light *= view.tinted(paint.tint)
    return Swatch(light, cover)


def _overlapping(view: Plane, spokes: Spokes, ring: Ring, paint: Paint, place: Field) -> Swatch:
    """Each pixel can see two petals: the one before its angle and, over it, the one after.

    Where both show, the colour is that of the one that shows more.
    """
    place += np.float32(ring.count + 1 - ring.offset)
    petal = np.empty((2, *place.shape), dtype=np.intp)
    petal[0] = place
    np.subtract(petal[0], 1, out=petal[1])
    along, across = _frames(view, spokes.frame.take(petal), ring)
    depth = inside(ring.petal.outline, along, across)
    pixels = view.pixels * np.float32(ring.size)
    depth *= pixels
    above, below = (depth + np.float32(0.5)).clip(0, 1)
    below *= 1 - above
    cover = above + below
    lower = above < below
    below *= _shadow(depth[0], pixels, ring.shadow)
    above += below
    look = spokes.look.take(np.where(lower, petal[1], petal[0]))
    points = Points(
        np.where(lower, *along[::-1]), np.where(lower, *across[::-1]), look.imag, look.real
    )
    light = appearance(ring.petal, paint.colours, points)
    light *= above
    light *= view.tinted(paint.tint)
    return Swatch(light, cover)


def _frames(view: Plane, frame: Complex64[np.ndarray, "*s"], ring: Ring) -> tuple[Field, Field]:
    """Along and across the petals."""
    c, s = frame.real, frame.imag
    along = view.u * c
    along += view.v * s
    across = view.v * c
    across -= view.u * s
    outline = ring.petal.outline
    if outline.notch or outline.frill:
        along += along * along * tip(outline, across)
    return along, across


def _pack(a: Float64[np.ndarray, "n"], b: Float64[np.ndarray, "n"]) -> Complex64[np.ndarray, "n"]:
    return (a + 1j * b).astype(np.complex64)


def _shadow(
    depth: Float32[np.ndarray, "m p p"], pixels: Float32[np.ndarray, "m 1 1"], strength: float
) -> Float32[np.ndarray, "m p p"]:
    """Darkest at the upper petal's edge, gone at a tenth of the radius."""
    near = depth / (pixels * np.float32(0.12))
    near += 1
    near.clip(0, 1, out=near)
    near *= near
    near *= np.float32(-strength)
    near += 1
    return near
