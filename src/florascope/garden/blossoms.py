"""Blossoms: whorls of petals around a disc."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from jaxtyping import Complex64, Complex128, Float32, Int64

from florascope.garden.geometry import (
    Poses,
    Vector,
    cosine_sine,
    direction,
    inside,
    table_index,
    tip,
    turn,
)
from florascope.garden.paint import SEED_TILE, Canvas, ColourTriple, Colourway, Dice, Paint, seeds
from florascope.garden.petals import Petal, Points, Surface, smooth, speckle, spotted
from florascope.garden.plane import SECTORS, Brush, Field, Plane, Stance, Swatch, disc_hull, painted

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


BANDS = 64


@dataclass(frozen=True)
class Disc:
    """A round middle.

    Attributes:
        size: its radius, as a fraction of the blossom's.
        core: colour in its middle.
        rim: colour at its edge; None takes the blossom's throat.
        seeds: contrast of packed florets on Vogel's spiral (0: smooth).
        dome: how much the side away from the sun is darkened, 0 to 1.
        rise: height of the dome in radii, drawn as a shift away from the ground.
        edge: where the rim's colour begins, as a fraction of the disc.
        centre: where it stands in the blossom's plane, in units of the blossom's radius.
        squash: its extent along the first axis over that along the second.
        spots: contrast of mark-coloured spots.
    """

    size: float
    core: ColourTriple
    rim: ColourTriple | None
    seeds: float = 0.0
    dome: float = 0.3
    rise: float = 0.0
    edge: float = 0.6
    centre: tuple[float, float] = (0.0, 0.0)
    squash: float = 1.0
    spots: float = 0.0

    def brush(self, sun: Vector, paint: Paint, _dice: Dice) -> Brush:
        """Get ready to paint the disc."""
        bands = _bands(self.core, self.rim or paint.colours.throat, self.edge)

        def painter(view: Plane) -> Swatch:
            u, v = self._frame(view)
            rr = np.square(u)
            rr += np.square(v)
            cover = _round(rr, view.pixels * np.float32(self.size))
            shade = self._shade(u, v, rr, sun)
            shade *= cover
            shade *= view.tone
            at = (rr * np.float32(BANDS)).astype(np.int64)
            planes = np.empty((4, *at.shape), dtype=np.float32)
            for plane, band in zip(planes, bands, strict=False):
                band.take(at, out=plane, mode="clip")
                plane *= shade
            if self.spots:
                spot = spotted(u, v) * np.float32(self.spots)
                speckle(planes[:3], paint.colours.mark, spot, shade)
            planes[3] = cover
            return planes

        stance = Stance(rise=self.rise * self.size)
        return Brush(disc_hull(1.05 * self.size, self.centre, stance), painter)

    def _frame(self, view: Plane) -> tuple[Field, Field]:
        points = view.points
        if self.centre != (0.0, 0.0):
            points = points - np.complex64(complex(*self.centre))
        wide = np.float32(1 / self.size)
        return points.real * (wide * np.float32(1 / self.squash)), points.imag * wide

    def _shade(self, u: Field, v: Field, rr: Field, sun: Vector) -> Field:
        shade = rr * np.float32(-self.dome)
        shade += 1
        tilt = 0.6 * self.dome
        shade += u * np.float32(sun[0] * tilt)
        shade += v * np.float32(sun[1] * tilt)
        if self.seeds:
            half = np.float32(SEED_TILE / 2)
            column = np.clip(u * half + half, 0, SEED_TILE - 1).astype(np.int64)
            row = np.clip(v * half + half, 0, SEED_TILE - 1).astype(np.int64)
            row *= SEED_TILE
            row += column
            bump = seeds().ravel().take(row)
            shade *= 1 + np.float32(self.seeds) * (bump - np.float32(0.7))
        return shade


def _round(rr: Field, pixels: Float32[np.ndarray, "m 1 1"]) -> Field:
    """Antialiased cover of the unit disc: (1 - r^2) / 2 is the distance near its edge."""
    cover = 1 - rr
    cover *= pixels * np.float32(0.5)
    cover += np.float32(0.5)
    return np.clip(cover, 0, 1, out=cover)


@lru_cache(maxsize=128)
def _bands(core: ColourTriple, rim: ColourTriple, edge: float) -> Float32[np.ndarray, "3 64"]:
    """Colours by r^2."""
    r = np.sqrt((np.arange(BANDS) + 0.5) / BANDS)
    inner, outer = np.array(core)[:, None], np.array(rim)[:, None]
    return (inner + (outer - inner) * smooth(r, edge - 0.3, edge + 0.3)).astype(np.float32)


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
