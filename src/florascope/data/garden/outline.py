"""The outline of a petal or leaf: half its width at each point along its length."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64

STEPS = 256
MARGIN = 32
LENGTH = STEPS + 2 * MARGIN
"""Entries of a table along a petal: MARGIN before its base, STEPS on it, MARGIN after its tip."""

ALONG = (np.arange(LENGTH) - MARGIN + 0.5) / STEPS

Table = Float32[np.ndarray, "320"]
Curve = Float64[np.ndarray, "*s"]


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
    """An outline sampled along its length, negative and steep beyond both ends.

    Attributes:
        square: w(s)^2.
        slope: its derivative by s.
        inverse: 1 / w(s), limited near the ends.
    """

    square: Table
    slope: Table
    inverse: Table


@lru_cache(maxsize=256)
def outline_tables(outline: Outline) -> OutlineTables:
    """Sample an outline once; later calls return the same tables."""
    inside = ALONG.clip(0.0, 1.0)
    half = _thread(inside, outline) if outline.knob else _power(inside, outline)
    excess = np.abs(ALONG - inside)
    square = half * half - excess
    slope = np.gradient(square) * STEPS
    inverse = 1 / np.maximum(half, 0.04 * outline.width)
    return OutlineTables(*(a.astype(np.float32) for a in (square, slope, inverse)))


def quarter_power(x: Curve, quarters: int) -> Curve:
    """x^(quarters/4) by square roots and products, which round alike everywhere."""
    root = np.sqrt(np.sqrt(x))
    result = np.ones_like(x)
    for _ in range(quarters):
        result = result * root
    return result


def _power(s: Curve, outline: Outline) -> Curve:
    def shape(x: Curve) -> Curve:
        return quarter_power(x, outline.rise) * quarter_power(1 - x, outline.fall)

    peak = shape(np.array(outline.rise / (outline.rise + outline.fall)))
    return outline.width / peak * shape(s)


def _thread(s: Curve, outline: Outline) -> Curve:
    from_centre = (s - (1 - outline.knob)) / outline.knob
    end = outline.knob * np.sqrt(np.maximum(1 - from_centre * from_centre, 0.0))
    return np.maximum(end, np.where(s < 1 - outline.knob, outline.width, 0.0))
