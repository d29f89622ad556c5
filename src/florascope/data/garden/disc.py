"""The middle of a blossom: a flat or domed disc, smooth or packed with florets."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.colour import RGB, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.petal import smooth, speckle
from florascope.data.garden.plane import Field, Plane, Poses, Swatch, disc_hull, sweep
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

    def patches(self, canvas: Canvas, poses: Poses, paint: Paint, dice: Dice) -> list[list[Patch]]:
        """Paint the disc for m poses."""
        bands = _bands(self.core, self.rim or paint.colours.throat, self.edge)

        def painter(view: Plane) -> Swatch:
            u = (view.u - np.float32(self.centre[0])) * np.float32(1 / (self.size * self.squash))
            v = (view.v - np.float32(self.centre[1])) * np.float32(1 / self.size)
            rr = u * u + v * v
            cover = _round(rr, view.pixels * np.float32(self.size))
            at = (rr * np.float32(BANDS)).clip(0, BANDS - 1).astype(np.intp)
            planes = np.empty((4, *at.shape), dtype=np.float32)
            for plane, band in zip(planes, bands, strict=False):
                band.take(at, out=plane, mode="clip")
            if self.spots:
                speckle(planes[:3], paint.colours.mark, u, v, self.spots)
            planes[:3] *= self._shade(u, v, rr, canvas)
            return view.finish(planes, cover, None, (1.0, 1.0, 1.0))

        return sweep(canvas, self._raised(poses), disc_hull(1.05 * self.size, self.centre), painter)

    def _raised(self, poses: Poses) -> Poses:
        if not self.rise:
            return poses
        y = poses.y - self.rise * self.size * poses.radius * (1 - poses.tilt * poses.tilt)
        return Poses(
            poses.x, y, poses.radius, poses.spin, np.sqrt(poses.tilt), poses.axis, poses.tone
        )

    def _shade(
        self,
        u: Field,
        v: Field,
        rr: Field,
        canvas: Canvas,
    ) -> Field:
        shade = 1 - np.float32(self.dome) * rr
        shade += (u * np.float32(canvas.sun[0]) + v * np.float32(canvas.sun[1])) * np.float32(
            0.6 * self.dome
        )
        if self.seeds:
            half = np.float32(SEED_TILE / 2)
            column = (u * half + half).clip(0, SEED_TILE - 1).astype(np.intp)
            row = (v * half + half).clip(0, SEED_TILE - 1).astype(np.intp)
            bump = seeds().ravel().take(row * SEED_TILE + column)
            shade *= 1 + np.float32(self.seeds) * (bump - np.float32(0.7))
        return shade


def _round(rr: Field, pixels: Float32[np.ndarray, "m 1 1"]) -> Field:
    """Antialiased cover of the unit disc: (1 - r^2) / 2 is the distance near its edge."""
    return ((1 - rr) * (pixels * np.float32(0.5)) + np.float32(0.5)).clip(0, 1)


@lru_cache(maxsize=128)
def _bands(core: RGB, rim: RGB, edge: float) -> Float32[np.ndarray, "3 64"]:
    """Colours by r^2."""
    r = np.sqrt((np.arange(BANDS) + 0.5) / BANDS)
    inner, outer = np.array(core)[:, None], np.array(rim)[:, None]
    return (inner + (outer - inner) * smooth(r, edge - 0.3, edge + 0.3)).astype(np.float32)
