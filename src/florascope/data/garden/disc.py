"""The middle of a blossom: a flat or domed disc, smooth or packed with florets."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from florascope.data.garden.circle import Vector
from florascope.data.garden.colour import RGB, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.petal import smooth, speckle, spotted
from florascope.data.garden.plane import Brush, Field, Plane, Stance, Swatch, disc_hull
from florascope.data.garden.texture import SEED_TILE, seeds

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
    core: RGB
    rim: RGB | None
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
def _bands(core: RGB, rim: RGB, edge: float) -> Float32[np.ndarray, "3 64"]:
    """Colours by r^2."""
    r = np.sqrt((np.arange(BANDS) + 0.5) / BANDS)
    inner, outer = np.array(core)[:, None], np.array(rim)[:, None]
    return (inner + (outer - inner) * smooth(r, edge - 0.3, edge + 0.3)).astype(np.float32)
