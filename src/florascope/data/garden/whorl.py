"""A ring of petals around a centre, all evaluated in one pass over its pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Complex128, Float32, Int64

from florascope.data.garden.circle import Vector, cosine_sine, turn
from florascope.data.garden.colour import Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import inside, table_index, tip
from florascope.data.garden.petal import Petal, Points, Surface
from florascope.data.garden.plane import (
    SECTORS,
    Brush,
    Plane,
    Stance,
    Swatch,
    disc_hull,
)

Spokes = Complex128[np.ndarray, "n"]
Painter = Callable[[Plane], Swatch]
Pair = tuple[Float32[np.ndarray, "*s"], Float32[np.ndarray, "*s"]]


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

    def brush(self, sun: Vector, paint: Paint, dice: Dice) -> Brush:
        """Get ready to paint the ring; all blossoms share the same variation between petals."""
        surface = Surface(self.petal, Paint(self.colours) if self.colours else paint)
        spokes = self._spokes(sun, dice)
        painter = (
            self._overlapping(spokes, surface) if self.shadow else self._apart(spokes, surface)
        )
        return Brush(disc_hull(self.size, stance=Stance(self.lift)), painter)

    def _spokes(self, sun: Vector, dice: Dice) -> Spokes:
        """What differs from petal to petal: direction over length, then tone and sheen.

        A pair of pairs in one number, since one gather costs as much whatever it gathers.
        """
        n = self.count
        angle, length, tone = dice.uniforms(3 * n, -1.0, 1.0).reshape(3, n) * self.disorder
        c, s = cosine_sine((np.arange(n) + self.offset + 0.12 * angle) / n)
        toward = c * sun[0] + s * sun[1]
        sideways = c * sun[1] - s * sun[0]
        frame = (c - 1j * s) / (self.size * (0.93 + 0.07 * length))
        bright = self.tone * (1 + 0.1 * toward + 0.05 * tone)
        pairs = np.stack([frame, bright + 0.14j * sideways], axis=1)
        return pairs.astype(np.complex64).view(np.complex128).ravel()

    def _apart(self, spokes: Spokes, surface: Surface) -> Painter:
        """Each pixel can see the petal nearest to its angle."""
        nearest = spokes.take(_petal_before(self.count, self.offset - 0.5))

        def painter(view: Plane) -> Swatch:
            frame, look = _unpacked(nearest.take(view.sector))
            along, across = self._frames(view, frame)
            at = table_index(along)
            cover = inside(self.petal.outline, at, across)
            cover *= view.pixels * np.float32(self.size)
            cover += np.float32(0.5)
            np.clip(cover, 0, 1, out=cover)
            look = look * view.tone
            return surface.appearance(Points(along, at, across, look.imag, look.real), cover)

        return painter

    def _overlapping(self, spokes: Spokes, surface: Surface) -> Painter:
        """Each pixel can see two petals: the one before its angle and, over it, the one after.

        Where both show, the colour is that of the one that shows more.
        """
        before = _petal_before(self.count, self.offset)
        pair = spokes.take(np.stack([(before + 1) % self.count, before]))

        def painter(view: Plane) -> Swatch:
            frame, look = _unpacked(pair.take(view.sector, axis=1))
            along, across = self._frames(view, frame)
            at = table_index(along)
            depth = inside(self.petal.outline, at, across)
            pixels = view.pixels * np.float32(self.size)
            depth *= pixels
            above, below = np.clip(depth + np.float32(0.5), 0, 1)
            below *= 1 - above
            cover = above + below
            lower = above < below
            below *= _shadow(depth[0], pixels, self.shadow)
            above += below
            along, at, across, look = (
                np.where(lower, both[1], both[0]) for both in (along, at, across, look)
            )
            look *= view.tone
            points = Points(along, at, across, look.imag, look.real)
            planes = surface.appearance(points, above)
            planes[3] = cover
            return planes

        return painter

    def _frames(self, view: Plane, frame: Complex64[np.ndarray, "*s"]) -> Pair:
        """Along and across the petals."""
        points = frame * view.points
        along, across = points.real, points.imag
        outline = self.petal.outline
        if outline.notch or outline.frill:
            along = along + along * along * tip(outline, across)
        return along, across


def _unpacked(
    pairs: Complex128[np.ndarray, "*s"],
) -> tuple[Complex64[np.ndarray, "*s"], Complex64[np.ndarray, "*s"]]:
    """The two halves of each number."""
    halves = pairs.view(np.complex64).reshape(*pairs.shape, 2)
    return halves[..., 0], halves[..., 1]


@lru_cache(maxsize=64)
def _petal_before(count: int, offset: float) -> Int64[np.ndarray, "2049"]:
    """The petal at or before each sector's angle, where petal k stands at (k + offset) / count."""
    pseudo = (np.arange(SECTORS + 1) + 0.5) * (4 / SECTORS) - 2
    # The pseudo-angle p is reached in the direction (1 - |p|, sign(p) (1 - |1 - |p||)).
    size = np.abs(pseudo).clip(0, 2)
    y = np.copysign(1 - np.abs(1 - size), pseudo)
    turns = turn(y.astype(np.float32), (1 - size).astype(np.float32)).astype(np.float64)
    return np.floor(turns * count - offset).astype(np.int64) % count


def _shadow(
    depth: Float32[np.ndarray, "m h w"], pixels: Float32[np.ndarray, "m 1 1"], strength: float
) -> Float32[np.ndarray, "m h w"]:
    """Darkest at the upper petal's edge, gone at a tenth of the radius."""
    near = depth / (pixels * np.float32(0.12))
    near += 1
    np.clip(near, 0, 1, out=near)
    near *= near
    near *= np.float32(-strength)
    near += 1
    return near
