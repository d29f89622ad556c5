"""How the surface of a petal or leaf looks at every point of it."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int

from florascope.data.garden.colour import RGB, Colourway
from florascope.data.garden.outline import ALONG, LENGTH, MARGIN, STEPS, Outline, outline_tables
from florascope.data.garden.texture import SPOT_TILE, spots

Field = Float32[np.ndarray, "*s"]
Rows = Int[np.ndarray, "*s"]


@dataclass(frozen=True)
class Skin:
    """The surface between the outlines.

    Attributes:
        fan: veins from base to tip across the whole width (0: none).
        ribs: veins from the midrib outward along the length (0: none).
        vein: contrast of the veins.
        crease: how much darker the middle is than the edges.
        heart: how much darker the base is than the rest.
        throat: where the throat's colour has faded out, as a fraction of the length.
        blotch: where a mark-coloured base ends, as a fraction of the length (0: none).
        spots: contrast of mark-coloured spots on the inner half (0: none).
    """

    fan: float = 0.0
    ribs: float = 0.0
    vein: float = 0.06
    crease: float = 0.12
    heart: float = 0.35
    throat: float = 0.3
    blotch: float = 0.0
    spots: float = 0.0


@dataclass(frozen=True)
class Petal:
    """An outline and its surface."""

    outline: Outline = field(default_factory=Outline)
    skin: Skin = field(default_factory=Skin)


@dataclass(frozen=True)
class PetalRows:
    """Tables of n petals of one kind that differ in width, tone and light; flat, (n * 320,).

    Attributes:
        petal: the kind.
        square, slope, inverse: the outline, see `OutlineTables`.
        sheen: brightness gained from one edge to the middle, for light from the side.
        colour: (3, n * 320).
        mark: colour of the spots.
    """

    petal: Petal
    square: Float32[np.ndarray, "t"]
    slope: Float32[np.ndarray, "t"]
    inverse: Float32[np.ndarray, "t"]
    sheen: Float32[np.ndarray, "t"]
    colour: Float32[np.ndarray, "3 t"]
    mark: RGB


@dataclass(frozen=True)
class Surface:
    """Petals evaluated at pixels.

    Attributes:
        colour: (3, ...).
        cover: (...) 0 to 1, antialiased.
        inside: (...) distance to the edge in pixels, negative outside.
    """

    colour: Float32[np.ndarray, "3 *s"]
    cover: Field
    inside: Field


def petal_rows(
    petal: Petal,
    colours: Colourway,
    widths: Float64[np.ndarray, "n"],
    tones: Float64[np.ndarray, "n"],
    sheens: Float64[np.ndarray, "n"],
) -> PetalRows:
    """Tables of n petals.

    Args:
        petal: outline and surface.
        colours: throat, body, tip and mark.
        widths: (n,) factors of the outline's width.
        tones: (n,) factors of the colour.
        sheens: (n,) how much brighter the right edge is than the middle (and the left darker).
    """
    tables = outline_tables(petal.outline)
    w, tone, sheen = (a.astype(np.float32)[:, None] for a in (widths, tones, sheens))
    return PetalRows(
        petal,
        # Beyond the ends the table is negative; widening must not push that towards 0.
        np.where(tables.square > 0, w * w * tables.square, tables.square).ravel(),
        np.where(tables.square > 0, w * w * tables.slope, tables.slope).ravel(),
        (tables.inverse / w).ravel(),
        np.repeat(sheen, LENGTH, axis=1).ravel(),
        (tone * _bands(petal.skin, colours)[:, None, :]).reshape(3, -1),
        colours.mark,
    )


def surface(
    rows: PetalRows, along: Field, across: Field, first: Rows, pixels: Field, soft: float = 1.0
) -> Surface:
    """Evaluate petals at pixels.

    The distance to the edge is that of the implicit curve w(s)^2 - t^2 = 0, to first order:
    value over gradient (Taubin 1994, "Distance approximations for rasterizing implicit curves").

    Args:
        rows: the tables.
        along: (...) s, from 0 at the base to 1 at the tip.
        across: (...) t, sideways, in units of the length.
        first: first table entry of each pixel's petal, broadcastable.
        pixels: the petal's length in pixels, broadcastable.
        soft: width of the edge in pixels; more than 1 is out of focus.
    """
    outline, skin = rows.petal.outline, rows.petal.skin
    if outline.notch or outline.frill:
        along = along + along * along * _tip(outline, across)
    at = (along * np.float32(STEPS) + np.float32(MARGIN)).clip(0, LENGTH - 1).astype(np.intp)
    at += first
    tt = across * across
    slope = rows.slope.take(at)
    steepness = np.sqrt(slope * slope + 4 * tt)
    inside = rows.square.take(at)
    inside -= tt
    inside /= steepness + np.float32(1e-6)
    inside *= pixels
    cover = (inside * np.float32(1 / soft) + np.float32(0.5)).clip(0, 1)
    q = across * rows.inverse.take(at)
    shade = rows.sheen.take(at)
    shade *= q
    shade += 1
    _groove(shade, skin, q, along)
    colour = np.stack([plane.take(at) for plane in rows.colour])
    colour *= shade
    if skin.spots:
        shift = (first // LENGTH * 0.37).astype(np.float32)
        speckle(colour, rows.mark, along + shift, across, _fade(along, skin.spots))
    return Surface(colour, cover, inside)


def _groove(shade: Field, skin: Skin, q: Field, along: Field) -> None:
    """Darken the crease and the veins, in place."""
    size = np.abs(q)
    if skin.crease:
        shade += (size - np.float32(0.6)) * np.float32(skin.crease)
    if skin.fan or skin.ribs:
        phase = q * np.float32(skin.fan / 2) if skin.fan else along * np.float32(skin.ribs)
        if skin.ribs:
            phase -= size * np.float32(0.3 * skin.ribs)
        phase -= np.floor(phase)
        wave = phase * (1 - phase)  # 0 on a vein, 0.25 between veins
        shade += (wave - np.float32(0.17)) * np.float32(4 * skin.vein)


def _tip(outline: Outline, across: Field) -> Field:
    """How far the tip is drawn in at each distance from the axis, per s^2."""
    drawn = np.zeros_like(across)
    if outline.notch:
        part = across * np.float32(2.2 / outline.width)
        drawn += np.float32(outline.notch) * np.maximum(1 - part * part, 0)
    if outline.frill:
        phase = across * np.float32(outline.frills / (2 * outline.width))
        phase -= np.floor(phase)
        drawn += np.float32(4 * outline.frill) * phase * (1 - phase)
    return drawn


def _fade(along: Field, strength: float) -> Field:
    """Strength of spots along a petal: none at the base, none on the outer part."""
    rise = (along * np.float32(5)).clip(0, 1)
    rise *= (np.float32(4.2) - along * np.float32(6)).clip(0, 1)
    rise *= np.float32(strength)
    return rise


def speckle(
    colour: Float32[np.ndarray, "3 *s"], mark: RGB, x: Field, y: Field, strength: Field | float
) -> None:
    """Mix spots of a colour in, in place; the tile of spots is 1.4 units wide."""
    column = (x * np.float32(90) + np.float32(SPOT_TILE)).astype(np.intp)
    row = (y * np.float32(90) + np.float32(SPOT_TILE)).astype(np.intp)
    spot = spots().take((row % SPOT_TILE) * SPOT_TILE + column % SPOT_TILE)
    spot *= strength
    for plane, value in zip(colour, mark, strict=True):
        plane += spot * (np.float32(value) - plane)


@lru_cache(maxsize=256)
def _bands(skin: Skin, colours: Colourway) -> Float32[np.ndarray, "3 320"]:
    """Colour along a petal: throat, body, tip, darker in the heart."""
    s = ALONG.clip(0.0, 1.0)
    throat, body, tip, mark = (
        np.array(c)[:, None] for c in (colours.throat, colours.body, colours.tip, colours.mark)
    )
    colour = throat + (body - throat) * smooth(s, 0.3 * skin.throat, max(skin.throat, 1e-3))
    colour = colour + (tip - body) * smooth(s, 0.5, 1.0)
    if skin.blotch:
        colour = mark + (colour - mark) * smooth(s, 0.75 * skin.blotch, skin.blotch)
    return (colour * (1 - skin.heart * (1 - smooth(s, -0.2, 0.5)))).astype(np.float32)


def smooth(x: Float64[np.ndarray, "*s"], low: float, high: float) -> Float64[np.ndarray, "*s"]:
    """0 below low, 1 above high, 3z^2 - 2z^3 between."""
    z = ((x - low) / (high - low)).clip(0.0, 1.0)
    return z * z * (3 - 2 * z)
