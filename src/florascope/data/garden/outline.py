"""The outline of a petal or leaf: half its width at each point along its length."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64

STEPS = 256
MARGIN = 32
LENGTH = STEPS + 2 * MARGIN
"""Entries of a table along a petal: MARGIN before its base, STEPS on it, MARGIN after its tip."""

ALONG = (np.arange(LENGTH) - MARGIN + 0.5) / STEPS

Table = Float32[np.ndarray, "320"]
Curve = Float64[np.ndarray, "*s"] | np.float64


@dataclass(frozen=True)
class Outline:
    """w(s) = width * s^(rise/4) * (1-s)^(fall/4) / its peak, s from 0 at the base to 1 at the tip.

    (2, 2) is an ellipse, (1, 1) a strap, (4, 2) is broadest near its tip, (2, 4) ends in a point.

    Attributes:
        rise: quarter power at the base.
        fall: quarter power at the tip.
        width: half the greatest width, as a fraction of the length.
        notch: depth of a cut in the tip, as a fraction of the length.
        frill: height of waves along the tip, as a fraction of the length.
        frills: number of such waves.
        knob: radius of a round end on a thread (an anther), as a fraction of the length; 0 is none.
    """

    rise: int = 2
    fall: int = 2
    width: float = 0.5
    notch: float = 0.0
    frill: float = 0.0
    frills: float = 4.0
    knob: float = 0.0


@dataclass(frozen=True)
class OutlineTables:
    """An outline sampled along its length, with a = w^2 and its derivative a'.

    Attributes:
        reach: sqrt(a'^2 / 4 + a); beyond both ends |a'| / 2 less the distance to the end.
        bend: a'^2 / 4.
        inverse: 1 / w, limited near the ends.
    """

    reach: Table
    bend: Table
    inverse: Table

    @cached_property
    def edge(self) -> Complex64[np.ndarray, "320"]:
        """Reach and bend as pairs: one gather of a pair costs half of two gathers."""
        return (self.reach + 1j * self.bend).astype(np.complex64)


@lru_cache(maxsize=256)
def outline_tables(outline: Outline) -> OutlineTables:
    """Sample an outline once; later calls return the same tables."""
    inside = ALONG.clip(0.0, 1.0)
    half = _thread(inside, outline) if outline.knob else _power(inside, outline)
    square = half * half
    steep = np.gradient(square) * (STEPS / 2)
    steep[:MARGIN], steep[-MARGIN:] = steep[MARGIN + 1], steep[-MARGIN - 2]
    beyond = np.abs(ALONG - inside)
    reach = np.where(beyond > 0, np.abs(steep) - beyond, np.sqrt(steep * steep + square))
    inverse = 1 / np.maximum(half, 0.04 * outline.width)
    return OutlineTables(*(a.astype(np.float32) for a in (reach, steep * steep, inverse)))


def table_index(along: Float32[np.ndarray, "*s"]) -> Int64[np.ndarray, "*s"]:
    """The entry of a table for each s; those before the first and after the last are to be clipped.

    Gathering with mode="clip" does so at no cost.
    """
    at = along * np.float32(STEPS)
    at += np.float32(MARGIN)
    return at.astype(np.int64)


def inside(
    outline: Outline, at: Int64[np.ndarray, "*s"], across: Float32[np.ndarray, "*s"]
) -> Float32[np.ndarray, "*s"]:
    """Distance to the edge in lengths of the petal, positive inside.

    Args:
        outline: the outline.
        at: (...) entries of its tables, see `table_index`.
        across: (...) sideways distance t from the axis, in lengths.

    Along the normal at (s, t) the function a(s) - t^2 runs like g + |grad| d - d^2 up to its
    square term, so it is zero at d = sqrt(a'^2 / 4 + a) - sqrt(a'^2 / 4 + t^2). That is exactly
    w - |t| where w is constant, and finite at the ends of every outline.
    """
    edge = outline_tables(outline).edge.take(at, mode="clip")
    depth = np.square(across)
    depth += edge.imag
    np.sqrt(depth, out=depth)
    return np.subtract(edge.real, depth, out=depth)


def tip(outline: Outline, across: Float32[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
    """How far notch and frill draw the tip in at each distance from the axis, per s^2."""
    drawn = np.zeros_like(across)
    if outline.notch:
        part = across * np.float32(2.2 / outline.width)
        drawn += np.float32(outline.notch) * np.maximum(1 - part * part, 0)
    if outline.frill:
        phase = across * np.float32(outline.frills / (2 * outline.width))
        phase -= np.floor(phase)
        drawn += np.float32(4 * outline.frill) * phase * (1 - phase)
    return drawn


def quarter_power(x: Curve, quarters: int) -> Curve:
    """x^(quarters/4) by square roots and products, which round alike everywhere."""
    root = np.sqrt(np.sqrt(x))
    result = np.ones_like(x)
    for _ in range(quarters):
        result = result * root
    return np.asarray(result)  # a lone number would come out as a scalar


def _power(s: Curve, outline: Outline) -> Curve:
    def shape(x: Curve) -> Curve:
        return quarter_power(x, outline.rise) * quarter_power(1 - x, outline.fall)

    peak = shape(np.array(outline.rise / (outline.rise + outline.fall)))
    return outline.width / peak * shape(s)


def _thread(s: Curve, outline: Outline) -> Curve:
    from_centre = (s - (1 - outline.knob)) / outline.knob
    end = outline.knob * np.sqrt(np.maximum(1 - from_centre * from_centre, 0.0))
    return np.maximum(end, np.where(s < 1 - outline.knob, outline.width, 0.0))
