"""Leaves, stems and grass: everything green, never part of the flower."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.data.garden.canvas import Canvas, Dab
from florascope.data.garden.circle import cosine_sine, turn
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import Outline, inside, table_index
from florascope.data.garden.petal import Petal, Points, Skin, appearance

BROAD = Petal(Outline(2, 3, 0.30), Skin(ribs=7, vein=0.10, crease=0.10, heart=0.2))
OVATE = Petal(Outline(1, 3, 0.22), Skin(ribs=9, vein=0.08, crease=0.14, heart=0.2))
LANCE = Petal(Outline(2, 4, 0.11), Skin(ribs=0, fan=5, vein=0.05, crease=0.2, heart=0.2))
GRASS = Petal(Outline(1, 3, 0.030), Skin(crease=0.2, heart=0.3))
STEM = Petal(Outline(1, 1, 0.010), Skin(crease=-0.35, heart=0.1))

LEAF_KINDS = (BROAD, OVATE, LANCE, GRASS)

Point = tuple[float, float]
Each = Float64[np.ndarray, "m"]
Field = Float32[np.ndarray, "m a b"]


@dataclass(frozen=True)
class Strokes:
    """Where m leaves or stems run, (m,) each; places and lengths as fractions of the picture.

    Attributes:
        x: column of the base.
        y: row of the base.
        turns: direction on the screen.
        length: from base to tip.
        width: factor of the outline's width.
        bow: how far the middle is bent sideways, as a fraction of the length.
        tone: brightness.
        soft: width of the edge in pixels; more than 1 is out of focus.
    """

    x: Each
    y: Each
    turns: Each
    length: Each
    width: Each
    bow: Each
    tone: Each
    soft: Each


def leaves(x: Each, y: Each, turns: Each, length: Each, soft: Each, dice: Dice) -> Strokes:
    """Leaves of random width, bend and brightness."""
    n = len(x)
    return Strokes(
        x,
        y,
        turns,
        length,
        dice.uniforms(n, 0.8, 1.25),
        dice.uniforms(n, -0.12, 0.12),
        dice.uniforms(n, 0.75, 1.15),
        soft,
    )


def stems(foot: Point, x: Each, y: Each, thickness: float, dice: Dice) -> Strokes:
    """Slightly bent stems from one foot to m heads at (x, y)."""
    n = len(x)
    dx, dy = x - foot[0], y - foot[1]
    length = np.maximum(np.sqrt(dx * dx + dy * dy), 0.005)
    turns = turn(dy.astype(np.float32), dx.astype(np.float32)).astype(np.float64)
    return Strokes(
        np.full(n, foot[0]),
        np.full(n, foot[1]),
        turns,
        length,
        thickness / (2 * STEM.outline.width * length),
        dice.uniforms(n, -0.04, 0.04),
        dice.uniforms(n, 0.9, 1.05),
        np.ones(n),
    )


def together(parts: Sequence[Strokes]) -> Strokes:
    """All strokes of several plants, in order."""
    if len(parts) == 1:
        return parts[0]
    return Strokes(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Strokes))
    )


@dataclass(frozen=True)
class Runs:
    """Pixels along m strokes: a rows (or columns, where it lies flat) of b pixels each.

    Attributes:
        along: (m, a, b) from 0 at the base to 1 at the tip.
        across: (m, a, b) sideways, in units of the length and of the width's factor.
        index: (m, a, b) pixel in the canvas.
        valid: (m, a, b) whether it lies in the canvas.
    """

    along: Field
    across: Field
    index: Int64[np.ndarray, "m a b"]
    valid: np.ndarray


def draw(canvas: Canvas, strokes: Strokes, kind: Petal, paint: Paint, dice: Dice) -> None:
    """Draw strokes of one kind, the last on top."""
    half = kind.outline.width * strokes.width * strokes.length * canvas.size
    # A stroke thinner than a pixel is drawn one pixel wide and as much fainter.
    wide = replace(strokes, width=strokes.width * np.maximum(0.5 / half, 1.0))
    runs = _runs(canvas.size, wide, kind.outline.width)
    if runs is None:
        return
    at = table_index(runs.along)
    cover = inside(kind.outline, at, runs.across)
    cover *= _each(wide.length * wide.width * canvas.size / wide.soft)
    cover += np.float32(0.5)
    cover.clip(0, 1, out=cover)
    cover *= _each(np.minimum(2 * half, 1.0))
    cover *= runs.valid
    hits = np.flatnonzero(cover)
    bounds = np.searchsorted(hits, np.arange(len(half) + 1) * cover[0].size)
    look = np.stack([strokes.tone, dice.jitters(len(half), 0.16)]).astype(np.float32)
    tone, sheen = np.repeat(look, np.diff(bounds), axis=1)
    along, at, across = (a.ravel().take(hits) for a in (runs.along, at, runs.across))
    light = appearance(kind, paint.colours, Points(along, at, across, sheen, tone))[:3]
    seen = cover.ravel().take(hits)
    light *= seen
    light *= np.array(paint.tint, dtype=np.float32)[:, None]
    index = runs.index.ravel().take(hits)
    for a, b in pairwise(bounds.tolist()):
        if a < b:
            canvas.dab(Dab(index[a:b], light[:, a:b], seen[a:b]))


def _runs(size: int, strokes: Strokes, half: float) -> Runs | None:
    c, s = cosine_sine(strokes.turns)
    steep = np.abs(s) > np.abs(c)
    cm, cn = np.where(steep, s, c), np.where(steep, c, s)
    length = strokes.length * size
    bm = np.where(steep, strokes.y, strokes.x) * size
    bn = np.where(steep, strokes.x, strokes.y) * size
    wide = half * strokes.width * length * 1.02 + strokes.soft + 1
    end = bm + length * cm
    pad = (wide + np.abs(strokes.bow) * length) * np.abs(cn) + 1
    low = np.floor(np.minimum(bm, end) - pad).clip(0, size)
    high = np.ceil(np.maximum(bm, end) + pad).clip(0, size)
    a, b = int((high - low).max()), int((wide / np.abs(cm)).max() * 2) + 2
    if a <= 0:
        return None
    major = low[:, None] + np.arange(a)
    run = (major + 0.5 - bm[:, None]) / (cm * length)[:, None]  # s on the axis at this major
    at = run.clip(0.0, 1.0)
    sign = np.where(steep, 1.0, -1.0)
    bent = (4 * strokes.bow * length * sign / cm)[:, None] * (at - at * at)
    minor = np.floor(bn[:, None] + (cn * length)[:, None] * run + bent - b / 2 + 0.5)
    dm = (major + 0.5 - bm[:, None]).astype(np.float32)[:, :, None]
    start = (minor + 0.5 - bn[:, None]).astype(np.float32)[:, :, None]
    dn = start + np.arange(b, dtype=np.float32)
    flip = sign / strokes.width
    along = _each(cm / length) * dm + _each(cn / length) * dn
    across = _each(flip * cm / length) * dn - _each(flip * cn / length) * dm
    bow = _each(4 * strokes.bow / strokes.width)
    across -= bow * (along - along * along)
    return Runs(along, across, *_pixels(size, major, minor, b, steep))


def _pixels(
    size: int, major: np.ndarray, minor: np.ndarray, b: int, steep: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    columns = minor.astype(np.intp)[:, :, None] + np.arange(b)
    rows = major.astype(np.intp)[:, :, None]
    valid = (columns >= 0) & (columns < size) & (rows < size)
    by_row, by_column = (
        np.where(steep, size, 1)[:, None, None],
        np.where(steep, 1, size)[:, None, None],
    )
    return rows * by_row + columns * by_column, valid


def _each(values: Each) -> Float32[np.ndarray, "m 1 1"]:
    return values.astype(np.float32)[:, None, None]
