"""How the surface of a petal or leaf looks at every point of it."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.data.garden.colour import RGB, Colourway, Paint
from florascope.data.garden.outline import ALONG, Outline, outline_tables
from florascope.data.garden.texture import SPOT_TILE, spots

Field = Float32[np.ndarray, "*s"]
Light = Float32[np.ndarray, "3 *s"]


@dataclass(frozen=True)
class Skin:
    """The surface between the outlines.

    Attributes:
        fan: veins from base to tip across the whole width (0: none).
        ribs: veins from the midrib outward along the length (0: none).
        vein: contrast of the veins.
        crease: how much darker the middle is than the edges.
        heart: how much darker the base is than the rest.
        deep: where that darkness has faded out, as a fraction of the length.
        throat: where the throat's colour has faded out, as a fraction of the length.
        blotch: where a mark-coloured base ends, as a fraction of the length (0: none).
        spots: contrast of mark-coloured spots on the inner half (0: none).
    """

    fan: float = 0.0
    ribs: float = 0.0
    vein: float = 0.06
    crease: float = 0.12
    heart: float = 0.35
    deep: float = 0.5
    throat: float = 0.3
    blotch: float = 0.0
    spots: float = 0.0


@dataclass(frozen=True)
class Petal:
    """An outline and its surface."""

    outline: Outline = field(default_factory=Outline)
    skin: Skin = field(default_factory=Skin)


@dataclass(frozen=True)
class Points:
    """Points on petals; the last two vary from petal to petal.

    Attributes:
        along: (...) s, from 0 at the base to 1 at the tip.
        at: (...) the entry of a petal's tables for each s, see `table_index`.
        across: (...) t, sideways, in units of the length.
        sheen: how much brighter the right edge is than the middle, and the left darker.
        tone: brightness.
    """

    along: Float32[np.ndarray, "*#s"]
    at: Int64[np.ndarray, "*#s"]
    across: Float32[np.ndarray, "*#s"]
    sheen: Float32[np.ndarray, "*#s"]
    tone: Float32[np.ndarray, "*#s"]


class Surface:
    """A petal in the colours of one plant.

    Args:
        petal: its kind.
        paint: colours and tint.
    """

    def __init__(self, petal: Petal, paint: Paint) -> None:
        self.outline, self.skin = petal.outline, petal.skin
        colours = _table(petal, paint.colours) * np.array([*paint.tint, 1], dtype=np.float32)
        self._table = colours.view(np.complex128).ravel()  # one gather instead of four
        self._mark = tuple(a * b for a, b in zip(paint.colours.mark, paint.tint, strict=True))

    def appearance(self, points: Points, cover: Field) -> Float32[np.ndarray, "4 *s"]:
        """The light of points times their cover.

        Returns:
            Red, green and blue, and the cover.
        """
        rows = self._table.take(points.at, mode="clip").view(np.float32)
        rows = rows.reshape(*points.at.shape, 4)
        planes = np.empty((4, *points.at.shape), dtype=np.float32)
        weight = _shade(self.skin, rows[..., 3], points)
        weight *= cover
        if self.skin.spots:
            strength = _fade(points.along, self.skin.spots)
            x = points.along + points.tone * np.float32(9)
            for plane, row, mark in zip(planes, np.moveaxis(rows, -1, 0), self._mark, strict=False):
                plane[:] = row
            speckle(planes[:3], self._mark, x, points.across, strength)
            planes[:3] *= weight
        else:
            for k in range(3):
                np.multiply(rows[..., k], weight, out=planes[k])
        planes[3] = cover
        return planes


def _shade(skin: Skin, inverse: Field, points: Points) -> Field:
    """Brightness from light at the side, the crease and the veins."""
    q = inverse * points.across
    np.clip(q, -1, 1, out=q)
    shade = points.sheen * q
    shade += points.tone
    size = np.abs(q)
    if skin.fan or skin.ribs:
        phase = q * np.float32(skin.fan / 2) if skin.fan else points.along * np.float32(skin.ribs)
        if skin.ribs:
            phase -= size * np.float32(0.3 * skin.ribs)
        phase -= np.floor(phase)
        phase -= phase * phase  # 0 on a vein, 0.25 between veins
        phase -= np.float32(0.17)
        phase *= np.float32(4 * skin.vein)
        shade += phase
    size -= np.float32(0.6)
    size *= np.float32(skin.crease)
    shade += size
    return shade


def _fade(along: Field, strength: float) -> Field:
    """Strength of spots along a petal: none at the base, none on the outer part."""
    rise = (along * np.float32(5)).clip(0, 1)
    rise *= (np.float32(4.2) - along * np.float32(6)).clip(0, 1)
    rise *= np.float32(strength)
    return rise


def speckle(light: Light, mark: RGB, x: Field, y: Field, strength: Field | float) -> None:
    """Mix spots of a colour in, in place; the tile of spots is 1.4 units wide."""
    column = (x * np.float32(90) + np.float32(SPOT_TILE)).astype(np.intp)
    row = (y * np.float32(90) + np.float32(SPOT_TILE)).astype(np.intp)
    spot = spots().take((row % SPOT_TILE) * SPOT_TILE + column % SPOT_TILE)
    spot *= strength
    for plane, value in zip(light, mark, strict=True):
        plane += spot * (np.float32(value) - plane)


@lru_cache(maxsize=256)
def _table(petal: Petal, colours: Colourway) -> Float32[np.ndarray, "320 4"]:
    """Red, green, blue and 1 / w along a petal."""
    inverse = outline_tables(petal.outline).inverse
    return np.stack([*bands(petal.skin, colours), inverse], axis=1)


@lru_cache(maxsize=256)
def bands(skin: Skin, colours: Colourway) -> Float32[np.ndarray, "3 320"]:
    """Colour along a petal: throat, body, tip, darker in the heart."""
    s = ALONG.clip(0.0, 1.0)
    throat, body, tip, mark = (
        np.array(c)[:, None] for c in (colours.throat, colours.body, colours.tip, colours.mark)
    )
    colour = throat + (body - throat) * smooth(s, 0.3 * skin.throat, max(skin.throat, 1e-3))
    colour = colour + (tip - body) * smooth(s, 0.5, 1.0)
    if skin.blotch:
        colour = mark + (colour - mark) * smooth(s, 0.75 * skin.blotch, skin.blotch)
    return (colour * (1 - skin.heart * (1 - smooth(s, 0.6 * skin.deep - 0.5, skin.deep)))).astype(
        np.float32
    )


def smooth(x: Float64[np.ndarray, "*s"], low: float, high: float) -> Float64[np.ndarray, "*s"]:
    """0 below low, 1 above high, 3z^2 - 2z^3 between."""
    z = ((x - low) / (high - low)).clip(0.0, 1.0)
    return z * z * (3 - 2 * z)
