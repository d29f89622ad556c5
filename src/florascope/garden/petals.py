"""Petals and leaf blades."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.garden.geometry import (
    ALONG,
    Outline,
    Vector,
    direction,
    inside,
    outline_tables,
    table_index,
    tip,
)
from florascope.garden.paint import SPOT_TILE, ColourTriple, Colourway, Dice, Paint, spots
from florascope.garden.plane import Brush, Field, Hull, Plane, Swatch

PetalField = Float32[np.ndarray, "..."]
Light = Float32[np.ndarray, "3 ..."]


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
    """Points on petals; the fields broadcast: a blade has one sheen and tone for all its points.

    Attributes:
        along: (...) s, from 0 at the base to 1 at the tip.
        at: (...) the entry of a petal's tables for each s, see `table_index`.
        across: (...) t, sideways, in units of the length.
        sheen: how much brighter the right edge is than the middle, and the left darker.
        tone: brightness.
    """

    along: Float32[np.ndarray, "..."]
    at: Int64[np.ndarray, "..."]
    across: Float32[np.ndarray, "..."]
    sheen: Float32[np.ndarray, "..."]
    tone: Float32[np.ndarray, "..."]


class Surface:
    """A petal in the colours of one plant.

    Args:
        petal: its kind.
        paint: colours and tint.
    """

    def __init__(self, petal: Petal, paint: Paint) -> None:
        self._skin, self._mark = petal.skin, paint.mark
        colours = _table(petal, paint.colours) * paint.factors
        self._table = colours.view(np.complex128).ravel()  # one gather instead of four

    def appearance(self, points: Points, cover: PetalField) -> Float32[np.ndarray, "4 ..."]:
        """The light of points times their cover.

        Returns:
            Red, green and blue, and the cover.
        """
        rows = self._table.take(points.at, mode="clip").view(np.float32)
        rows = rows.reshape(*points.at.shape, 4)
        planes = np.empty((4, *points.at.shape), dtype=np.float32)
        weight = _shade(self._skin, rows[..., 3], points)
        weight *= cover
        for plane, k in zip(planes[:3], range(3), strict=True):
            np.multiply(rows[..., k], weight, out=plane)
        if self._skin.spots:
            x = points.along + points.tone * np.float32(9)
            spot = spotted(x, points.across)
            spot *= _fade(points.along, self._skin.spots)
            speckle(planes[:3], self._mark, spot, weight)
        planes[3] = cover
        return planes


def _shade(skin: Skin, inverse: PetalField, points: Points) -> PetalField:
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


def _fade(along: PetalField, strength: float) -> PetalField:
    """Strength of spots along a petal: none at the base, none on the outer part."""
    rise = (along * np.float32(5)).clip(0, 1)
    rise *= (np.float32(4.2) - along * np.float32(6)).clip(0, 1)
    rise *= np.float32(strength)
    return rise


def spotted(x: PetalField, y: PetalField) -> PetalField:
    """How much of a spot lies at each point, 0 to 1; the tile of spots is 1.4 units wide."""
    column = (x * np.float32(90) + np.float32(SPOT_TILE)).astype(np.int64)
    row = (y * np.float32(90) + np.float32(SPOT_TILE)).astype(np.int64)
    row %= SPOT_TILE
    row *= SPOT_TILE
    column %= SPOT_TILE
    row += column
    return spots().take(row)


def speckle(light: Light, mark: ColourTriple, spot: PetalField, weight: PetalField) -> None:
    """Mix spots of a colour in, in place.

    Args:
        light: (3, ...) light times weight.
        mark: the spots' colour.
        spot: (...) how much of it there is, 0 to 1.
        weight: (...) what the light has been multiplied by.
    """
    for plane, value in zip(light, mark, strict=True):
        plane += spot * (np.float32(value) * weight - plane)


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
