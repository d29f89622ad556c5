"""Leaves, stems and grass: everything green, never part of the flower."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from florascope.data.garden.canvas import Canvas, Dab
from florascope.data.garden.circle import angle
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import Outline, inside, table_index
from florascope.data.garden.petal import Petal, Points, Skin, Surface
from florascope.data.garden.strokes import Strokes, each, runs

BROAD = Petal(Outline(2, 3, 0.30), Skin(ribs=7, vein=0.10, crease=0.10, heart=0.2))
OVATE = Petal(Outline(1, 3, 0.22), Skin(ribs=9, vein=0.08, crease=0.14, heart=0.2))
LANCE = Petal(Outline(2, 4, 0.11), Skin(ribs=0, fan=5, vein=0.05, crease=0.2, heart=0.2))
GRASS = Petal(Outline(1, 3, 0.030), Skin(crease=0.2, heart=0.3))
STEM = Petal(Outline(1, 1, 0.010), Skin(crease=-0.35, heart=0.1))

LEAF_KINDS = (BROAD, OVATE, LANCE, GRASS)

Point = tuple[float, float]
Each = Float64[np.ndarray, "m"]


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
    heads = [(a - foot[0], b - foot[1]) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    length = np.array([max(math.hypot(*head), 0.005) for head in heads])
    return Strokes(
        np.full(n, foot[0]),
        np.full(n, foot[1]),
        np.array([angle(*head) for head in heads]),
        length,
        thickness / (2 * STEM.outline.width * length),
        dice.uniforms(n, -0.04, 0.04),
        dice.uniforms(n, 0.9, 1.05),
        np.ones(n),
    )


def draw(canvas: Canvas, strokes: Strokes, kind: Petal, paint: Paint, dice: Dice) -> None:
    """Draw strokes of one kind, the last on top."""
    half = kind.outline.width * strokes.width * strokes.length * canvas.size
    # A stroke thinner than a pixel is drawn one pixel wide and as much fainter.
    wide = replace(strokes, width=strokes.width * np.maximum(0.5 / half, 1.0))
    near = runs(canvas.size, wide, kind.outline.width)
    at = table_index(near.along)
    depth = inside(kind.outline, at, near.across)
    scale = wide.length * wide.width * canvas.size / wide.soft
    shown = depth > each(-0.5 / scale)
    shown &= near.valid
    hits = np.flatnonzero(shown)
    bounds = np.searchsorted(hits, np.arange(len(half) + 1) * shown[0].size)
    look = np.array([strokes.tone, dice.jitters(len(half), 0.16), scale, np.minimum(2 * half, 1)])
    tone, sheen, sharp, faint = np.repeat(look.astype(np.float32), np.diff(bounds), axis=1)
    cover = depth.ravel().take(hits)
    cover *= sharp
    cover += np.float32(0.5)
    np.minimum(cover, 1, out=cover)
    cover *= faint
    along, at, across, index = (
        a.ravel().take(hits) for a in (near.along, at, near.across, near.index)
    )
    planes = Surface(kind, paint).appearance(Points(along, at, across, sheen, tone), cover)
    index = index.astype(np.int64)
    for a, b in pairwise(bounds.tolist()):
        if a < b:
            canvas.dab(Dab(index[a:b], planes[:3, a:b], cover[a:b]))
