"""A ring of petals around a centre, all evaluated in one pass over its pixels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.circle import cosine_sine, pseudo_angle, turn
from florascope.data.garden.colour import Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import inside, table_index, tip
from florascope.data.garden.petal import Petal, Points, appearance
from florascope.data.garden.plane import Field, Plane, Poses, Swatch, disc_hull, sweep

Sectors = Int64[np.ndarray, "m h w"]


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
    shadow: float = 0.0
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
        return Spokes(_pack(c[0] / long, s[0] / long), _pack(bright, 0.14 * sideways))


@dataclass(frozen=True)
class Spokes:
    """What differs from petal to petal, packed in pairs.

    One gather of a pair costs half of two gathers; complex numbers are only the container.

    Attributes:
        frame: (n,) cosine and sine of the direction, over the length.
        look: (n,) tone and sheen.
    """

    frame: Complex64[np.ndarray, "n"]
    look: Complex64[np.ndarray, "n"]


def _paint(view: Plane, spokes: Spokes, ring: Ring, paint: Paint) -> Swatch:
    sector = pseudo_angle(view.v, view.u)
    sector *= np.float32(SECTORS // 4)
    sector += np.float32(SECTORS // 2)
    at = sector.astype(np.intp)
    if ring.shadow:
        return _overlapping(view, spokes, ring, paint, at)
    return _apart(view, spokes, ring, paint, at)


def _apart(view: Plane, spokes: Spokes, ring: Ring, paint: Paint, sector: Sectors) -> Swatch:
    """Each pixel can see the petal nearest to its angle."""
    nearest = _petal_before(ring.count, ring.offset - 0.5)
    along, across = _frames(view, spokes.frame[nearest].take(sector), ring)
    at = table_index(along)
    cover = inside(ring.petal.outline, at, across)
    cover *= view.pixels * np.float32(ring.size)
    cover += np.float32(0.5)
    cover.clip(0, 1, out=cover)
    look = spokes.look[nearest].take(sector)
    points = Points(along, at, across, look.imag, look.real)
    return view.finish(appearance(ring.petal, paint.colours, points), cover, None, paint.tint)


def _overlapping(view: Plane, spokes: Spokes, ring: Ring, paint: Paint, sector: Sectors) -> Swatch:
    """Each pixel can see two petals: the one before its angle and, over it, the one after.

    Where both show, the colour is that of the one that shows more.
    """
    before = _petal_before(ring.count, ring.offset)
    pair = np.stack([before + 1, before]) % ring.count
    frame = spokes.frame[pair].take(sector, axis=1)
    along, across = _frames(view, frame, ring)
    at = table_index(along)
    depth = inside(ring.petal.outline, at, across)
    pixels = view.pixels * np.float32(ring.size)
    depth *= pixels
    above, below = (depth + np.float32(0.5)).clip(0, 1)
    below *= 1 - above
    cover = above + below
    lower = above < below
    below *= _shadow(depth[0], pixels, ring.shadow)
    above += below
    along, at, across = (np.where(lower, both[1], both[0]) for both in (along, at, across))
    look = spokes.look[pair].ravel().take(sector + lower * SECTORS_END)
    points = Points(along, at, across, look.imag, look.real)
    return view.finish(appearance(ring.petal, paint.colours, points), cover, above, paint.tint)


SECTORS = 4096
SECTORS_END = SECTORS + 1
"""Entries of a table by pseudo-angle, whose two ends are both included."""


@lru_cache(maxsize=64)
def _petal_before(count: int, offset: float) -> Int64[np.ndarray, "4097"]:
    """The petal at or before each sector's angle, where petal k stands at (k + offset) / count."""
    pseudo = (np.arange(SECTORS_END) + 0.5) * (4 / SECTORS) - 2
    # The pseudo-angle p is reached in the direction (1 - |p|, sign(p) (1 - |1 - |p||)).
    size = np.abs(pseudo).clip(0, 2)
    y = np.copysign(1 - np.abs(1 - size), pseudo)
    turns = turn(y.astype(np.float32), (1 - size).astype(np.float32)).astype(np.float64)
    return np.floor(turns * count - offset).astype(np.int64) % count


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
