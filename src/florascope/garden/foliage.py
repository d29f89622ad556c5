"""Stems and leaves, drawn as strokes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from florascope.garden.geometry import Outline, angle, cosine_sine, inside, table_index
from florascope.garden.paint import Canvas, Dab, Dice, Paint
from florascope.garden.petals import Petal, Points, Skin, Surface

Each = Float64[np.ndarray, "m"]
Lines = Float64[np.ndarray, "m a"]
Field = Float32[np.ndarray, "m a b"]


@dataclass(frozen=True)
class Strokes:
    """Where m leaves or stems run, (m,) each; places and lengths as fractions of the picture.

    Attributes:
        x: column of the base.
        y: row of the base, downward.
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

    def __len__(self) -> int:
        return len(self.x)


def together(parts: Sequence[Strokes]) -> Strokes:
    """All strokes of several plants, in order."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Strokes)]
    return Strokes(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Runs:
    """Pixels along m strokes: b pixels in each of a rows, or columns where the stroke lies flat.

    Attributes:
        along: (m, a, b) from 0 at the base to 1 at the tip.
        across: (m, a, b) sideways, in units of the length and of the width's factor.
        index: (m, a, b) row * size + column in the canvas, where valid.
        valid: (m, a, b) whether it lies in the canvas.
    """

    along: Field
    across: Field
    index: Int32[np.ndarray, "m a b"]
    valid: Bool[np.ndarray, "m a b"]


def runs(size: int, strokes: Strokes, half: float) -> Runs:
    """The pixels near strokes: slanted windows, which hold few pixels in vain.

    Args:
        size: pixels a side of the canvas.
        strokes: the m strokes.
        half: half the greatest width of their outline, as a fraction of the length.
    """
    course = _course(size, strokes)
    wide = 1.02 * half * strokes.width * course.length + strokes.soft + 1
    low, a = _span(size, course, wide + np.abs(strokes.bow) * course.length)
    b = int(2 * (wide / np.abs(course.major)).max()) + 2
    lines = low[:, None] + np.arange(a)
    first = _first(course, strokes.bow, lines) - b // 2
    along, across = _frame(course, strokes, lines, first, b)
    return Runs(along, across, *_pixels(size, course.steep, lines, first, b))


@dataclass(frozen=True)
class _Course:
    """Strokes by lines: the rows they cross if they are steep, else the columns, (m,) each.

    Attributes:
        steep: whether rows are the lines.
        major: component of the direction across the lines, at least sqrt(1/2) in size.
        minor: component along the lines.
        base_line: the base, counted in lines.
        base_place: the base, counted along its line.
        length: in pixels.
    """

    steep: Bool[np.ndarray, "m"]
    major: Each
    minor: Each
    base_line: Each
    base_place: Each
    length: Each

    @property
    def sign(self) -> Each:
        """1 for steep strokes and -1 for others: exchanging the axes mirrors the picture."""
        return np.where(self.steep, 1.0, -1.0)


def _course(size: int, strokes: Strokes) -> _Course:
    c, s = cosine_sine(strokes.turns)
    steep = np.abs(s) > np.abs(c)
    major, minor = np.where(steep, [s, c], [c, s])
    x, y = strokes.x * size, strokes.y * size
    line, place = np.where(steep, [y, x], [x, y])
    return _Course(steep, major, minor, line, place, strokes.length * size)


def _span(size: int, course: _Course, wide: Each) -> tuple[Each, int]:
    """The first line of each stroke in the canvas, and how many the longest has there."""
    end = course.base_line + course.length * course.major
    pad = wide * np.abs(course.minor) + 1
    low = np.floor(np.minimum(course.base_line, end) - pad).clip(0, size)
    high = np.ceil(np.maximum(course.base_line, end) + pad).clip(0, size)
    return low, int((high - low).max())


def _first(course: _Course, bow: Each, lines: Lines) -> Lines:
    """The pixel in which the bent axis crosses each line."""
    slope, reach = course.minor / course.major, course.major * course.length
    away = lines + 0.5 - course.base_line[:, None]
    s = (away / reach[:, None]).clip(0.0, 1.0)
    bent = (4 * bow * course.length * course.sign / course.major)[:, None] * (s - s * s)
    place: Lines = np.floor(course.base_place[:, None] + slope[:, None] * away + bent)
    return place


def _frame(
    course: _Course, strokes: Strokes, lines: Lines, first: Lines, b: int
) -> tuple[Field, Field]:
    """Along and across; the bow is a parabola through base and tip."""
    back = (course.major - 1j * course.minor) / course.length
    down = (lines + 0.5 - course.base_line[:, None]) * back[:, None]
    aside = 1j * back
    start = down + (first + 0.5 - course.base_place[:, None]) * aside[:, None]
    points = start.astype(np.complex64)[:, :, None] + (
        aside.astype(np.complex64)[:, None, None] * np.arange(b, dtype=np.float32)
    )
    along = np.ascontiguousarray(points.real)
    across = points.imag * each(course.sign / strokes.width)
    bent = np.square(along)
    bent -= along
    bent *= each(4 * strokes.bow / strokes.width)
    across += bent
    return along, across


def _pixels(
    size: int, steep: Bool[np.ndarray, "m"], lines: Lines, first: Lines, b: int
) -> tuple[Int32[np.ndarray, "m a b"], Bool[np.ndarray, "m a b"]]:
    steps = np.arange(b, dtype=np.int32)
    start = np.where(lines < size, first, -BEYOND).astype(np.int32)[:, :, None]
    valid = (start + steps).view(np.uint32) < np.uint32(size)  # negative ones are huge
    by_line, by_place = np.where(steep, [[size], [1]], [[1], [size]]).astype(np.int32)
    corner = lines.astype(np.int32) * by_line[:, None]
    corner += first.astype(np.int32) * by_place[:, None]
    return corner[:, :, None] + (by_place[:, None] * steps)[:, None, :], valid


BEYOND = 2**24
"""Farther outside than any place on a canvas."""


def each(values: Each) -> Float32[np.ndarray, "m 1 1"]:
    """One number for each window, to be combined with its pixels."""
    return values.astype(np.float32)[:, None, None]


BROAD = Petal(Outline(2, 3, 0.30), Skin(ribs=7, vein=0.10, crease=0.10, heart=0.2))
OVATE = Petal(Outline(1, 3, 0.22), Skin(ribs=9, vein=0.08, crease=0.14, heart=0.2))
LANCE = Petal(Outline(2, 4, 0.11), Skin(ribs=0, fan=5, vein=0.05, crease=0.2, heart=0.2))
GRASS = Petal(Outline(1, 3, 0.030), Skin(crease=0.2, heart=0.3))
STEM = Petal(Outline(1, 1, 0.010), Skin(crease=-0.35, heart=0.1))

LEAF_KINDS = (BROAD, OVATE, LANCE, GRASS)

Point = tuple[float, float]


def leaves(
    x: Each,
    y: Each,
    turns: Each,
    length: Each,
    soft: Each,
    dice: Dice,
) -> Strokes:
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
