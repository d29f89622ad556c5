"""What a scene is painted with: seeded draws, colours, a canvas and textures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from florascope.garden.geometry import cosine_sine

Option = TypeVar("Option")
Draws = Float64[np.ndarray, "n"]


class Dice:
    """Draws from the raw words of PCG64.

    NumPy promises the words of a seeded bit generator for ever, but not what `Generator` makes of
    them (NEP 19), so the steps from words to numbers are taken here, exactly.

    Args:
        entropy: whole numbers, 0 or more; equal numbers give equal draws.
    """

    def __init__(self, *entropy: int) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(entropy))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number, low <= x < high."""
        return low + (high - low) * ((int(self._source.random_raw()) >> 11) * 2.0**-53)

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Draws:
        """Return n numbers, low <= x < high."""
        units = (self._source.random_raw(n) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * units

    def jitters(self, n: int, spread: float) -> Draws:
        """Return n numbers around 0 with a triangular density, -spread < x < spread."""
        units = self.uniforms(2 * n, 0.0, spread)
        return units[:n] - units[n:]

    def jitter(self, spread: float) -> float:
        """One such number."""
        return self.uniform(0.0, spread) - self.uniform(0.0, spread)

    def whole(self, low: int, high: int) -> int:
        """One whole number, both ends included."""
        return low + int(self.uniform() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.uniform() < probability

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely."""
        return options[self.whole(0, len(options) - 1)]

    def octets(self, n: int) -> UInt8[np.ndarray, "n"]:
        """Return n uniform bytes, low byte of each word first."""
        words = self._source.random_raw(-(-n // 8))
        return words.astype("<u8", copy=False).view(np.uint8)[:n]


ColourTriple = tuple[float, float, float]


@dataclass(frozen=True)
class Colourway:
    """The colours of one petal.

    Attributes:
        body: most of it.
        tip: towards its end.
        throat: at its base.
        mark: its veins' deepest tone, spots and blotches.
    """

    body: ColourTriple
    tip: ColourTriple
    throat: ColourTriple
    mark: ColourTriple


@dataclass(frozen=True)
class Paint:
    """Colours and the tint that one plant gives them.

    Attributes:
        colours: the colours.
        tint: factors of red, green and blue.
    """

    colours: Colourway
    tint: ColourTriple = (1.0, 1.0, 1.0)

    @cached_property
    def mark(self) -> ColourTriple:
        """The colours' mark, tinted."""
        (r, g, b), (tr, tg, tb) = self.colours.mark, self.tint
        return r * tr, g * tg, b * tb

    @cached_property
    def factors(self) -> Float32[np.ndarray, "4"]:
        """The tint, and 1 for a fourth number that is no colour."""
        return np.array([*self.tint, 1], dtype=np.float32)


WHITE = Colourway((0.90, 0.89, 0.86), (0.97, 0.96, 0.94), (0.80, 0.84, 0.62), (0.50, 0.16, 0.34))
CREAM = Colourway((0.94, 0.88, 0.68), (0.97, 0.93, 0.80), (0.90, 0.78, 0.36), (0.60, 0.28, 0.12))
YELLOW = Colourway((0.94, 0.76, 0.10), (0.97, 0.84, 0.25), (0.88, 0.56, 0.06), (0.56, 0.22, 0.06))
ORANGE = Colourway((0.92, 0.47, 0.09), (0.96, 0.60, 0.20), (0.86, 0.62, 0.10), (0.42, 0.10, 0.06))
RED = Colourway((0.78, 0.09, 0.10), (0.86, 0.17, 0.15), (0.50, 0.04, 0.08), (0.20, 0.02, 0.06))
PINK = Colourway((0.91, 0.56, 0.67), (0.95, 0.72, 0.79), (0.94, 0.86, 0.74), (0.58, 0.10, 0.30))
MAGENTA = Colourway((0.76, 0.17, 0.47), (0.85, 0.36, 0.61), (0.90, 0.72, 0.76), (0.36, 0.03, 0.22))
VIOLET = Colourway((0.46, 0.23, 0.64), (0.60, 0.40, 0.76), (0.84, 0.78, 0.84), (0.20, 0.05, 0.30))
BLUE = Colourway((0.31, 0.38, 0.78), (0.47, 0.55, 0.88), (0.86, 0.88, 0.92), (0.12, 0.10, 0.42))

LEAVES: tuple[Colourway, ...] = (
    Colourway((0.24, 0.42, 0.14), (0.31, 0.49, 0.18), (0.22, 0.36, 0.13), (0.14, 0.27, 0.08)),
    Colourway((0.33, 0.49, 0.18), (0.43, 0.57, 0.24), (0.30, 0.44, 0.16), (0.20, 0.33, 0.10)),
    Colourway((0.20, 0.36, 0.22), (0.29, 0.44, 0.30), (0.18, 0.31, 0.18), (0.12, 0.23, 0.13)),
    Colourway((0.42, 0.52, 0.22), (0.52, 0.59, 0.28), (0.38, 0.46, 0.19), (0.26, 0.34, 0.11)),
)


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of flower, ready to be laid on a canvas.

    Attributes:
        left: column of its first pixel.
        top: row of its first pixel.
        planes: (4, h, w) red, green and blue, 0 to about 1, times the cover; then the cover: how
            much of what lies below it hides, 0 to 1.
    """

    left: int
    top: int
    planes: Float32[np.ndarray, "4 h w"]


@dataclass(frozen=True, slots=True)
class Dab:
    """Scattered pixels of anything but flower, ready to be laid on a canvas.

    Attributes:
        index: (n,) row * size + column of each pixel, no pixel twice.
        light: (3, n) red, green and blue, 0 to about 1, times the cover.
        cover: (n,) how much of what lies below it hides, 0 to 1.
    """

    index: Int64[np.ndarray, "n"]
    light: Float32[np.ndarray, "3 n"]
    cover: Float32[np.ndarray, "n"]


class Canvas:
    """Four planes, (4, size, size): red, green, blue and the flower's share.

    The share is carried through every step that mixes pixels (covering and blurring) exactly as
    the light is, so at any time a pixel's light is share * (light of flower) +
    (1 - share) * (light of other things).

    Args:
        size: pixels a side; places on the canvas are fractions of it, with y downward.
        sun: unit vector on the screen pointing to where the light comes from.
    """

    def __init__(self, size: int, sun: tuple[float, float] = (0.0, -1.0)) -> None:
        self.planes = np.zeros((4, size, size), dtype=np.float32)
        self.size = size
        self.sun = sun

    def lay(self, patch: Patch) -> None:
        """Cover what is there with a patch of flower."""
        _, h, w = patch.planes.shape
        region = self.planes[:, patch.top : patch.top + h, patch.left : patch.left + w]
        region *= 1 - patch.planes[3]
        region += patch.planes

    def dab(self, dab: Dab) -> None:
        """Cover what is there with something that is not flower."""
        flat = self.planes.reshape(4, -1)
        seen = flat.take(dab.index, axis=1)
        seen *= 1 - dab.cover
        seen[:3] += dab.light
        for plane, values in zip(flat, seen, strict=True):
            plane[dab.index] = values

    def darken(self, left: int, top: int, factor: Float32[np.ndarray, "h w"]) -> None:
        """Multiply the light, and not the share, by a factor: a shadow, wherever it falls."""
        h, w = factor.shape
        rows, columns = slice(max(top, 0), max(top + h, 0)), slice(max(left, 0), max(left + w, 0))
        region = self.planes[:3, rows, columns]
        h, w = region.shape[1:]
        y, x = max(-top, 0), max(-left, 0)
        region *= factor[y : y + h, x : x + w]


NOISE_TILE = 256
SPOT_TILE = 128
SEED_TILE = 160
GOLDEN = 0.381966011250105
"""The golden angle in turns, between one seed of a composite head and the next."""

Tile = Float32[np.ndarray, "side side"]


@cache
def noise() -> Tile:
    """Five octaves of value noise, 256 x 256, from 0 to 1, mean about 0.5."""
    total = np.zeros((NOISE_TILE, NOISE_TILE))
    for octave in range(5):
        cells = 8 << octave
        lattice = Dice(cells).uniforms(cells * cells).reshape(cells, cells)
        while len(lattice) < NOISE_TILE:
            lattice = _double(_double(lattice).T).T
        total += lattice * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return ((total - low) / (high - low)).astype(np.float32)


@cache
def grain() -> Tile:
    """Fine noise, 256 x 256, from 0 to 1: soil, plaster."""
    fine = Dice(1).uniforms(NOISE_TILE * NOISE_TILE).reshape(NOISE_TILE, NOISE_TILE)
    half = _double(_double(fine[::2, ::2]).T).T
    return (0.45 * fine + 0.55 * half).astype(np.float32)


@cache
def pebbles() -> Tile:
    """Rounded stones of differing tone, 256 x 256, from 0 (gaps) to 1."""
    cells = 20
    dice = Dice(2)
    jitter = dice.uniforms(2 * cells * cells, 0.15, 0.85).reshape(2, cells, cells)
    tone = dice.uniforms(cells * cells, 0.45, 1.0)
    nearest, second, which = _two_nearest(_scattered(jitter) * NOISE_TILE / cells, NOISE_TILE)
    edge = ((second - nearest) / 5).clip(0.0, 1.0)
    return (edge * (2 - edge) * tone[which]).astype(np.float32)


@cache
def spots() -> Float32[np.ndarray, "16384"]:
    """Round spots of differing size on a 128 x 128 tile, flat; 1 inside a spot, 0 outside."""
    cells = 12
    dice = Dice(3)
    jitter = dice.uniforms(2 * cells * cells, 0.2, 0.8).reshape(2, cells, cells)
    radius = dice.uniforms(cells * cells, 1.6, 4.2)
    nearest, _, which = _two_nearest(_scattered(jitter) * SPOT_TILE / cells, SPOT_TILE)
    return (radius[which] - nearest).clip(0.0, 1.0).astype(np.float32).ravel()


@cache
def seeds() -> Tile:
    """A composite head seen from above, 160 x 160: bumps on Vogel's spiral, 0 to 1.

    Seed k stands at radius sqrt(k / n) and k golden angles (Vogel 1979, "A better way to construct
    the sunflower head").
    """
    n = 260
    k = np.arange(n)
    c, s = cosine_sine(k * GOLDEN)
    radius = np.sqrt((k + 0.5) / n) * SEED_TILE / 2
    points = np.stack([radius * s, radius * c]) + SEED_TILE / 2
    nearest, second, _ = _two_nearest(points, SEED_TILE, periodic=False)
    bump = ((second - nearest) / 4.5).clip(0.0, 1.0)
    return (bump * (2 - bump)).astype(np.float32)


def _double(rows: Float64[np.ndarray, "h w"]) -> Float64[np.ndarray, "h2 w"]:
    """Twice as many rows by the quadratic B-spline, periodic."""
    before, after = np.roll(rows, 1, axis=0), np.roll(rows, -1, axis=0)
    finer = np.stack([0.75 * rows + 0.25 * before, 0.75 * rows + 0.25 * after], axis=1)
    return finer.reshape(-1, rows.shape[1])


def _scattered(jitter: Float64[np.ndarray, "2 c c"]) -> Float64[np.ndarray, "2 n"]:
    """One point in each cell of a grid."""
    return (np.indices(jitter.shape[1:]) + jitter).reshape(2, -1)


def _two_nearest(
    points: Float64[np.ndarray, "2 n"], side: int, *, periodic: bool = True
) -> tuple[
    Float64[np.ndarray, "side side"],
    Float64[np.ndarray, "side side"],
    Int64[np.ndarray, "side side"],
]:
    """Distances of every pixel to its nearest and second nearest point, and which is nearest."""
    centres = np.arange(side) + 0.5
    first = np.full((side, side), np.inf)
    second, which = first.copy(), np.zeros((side, side), dtype=np.int64)
    for index, (y, x) in enumerate(points.T):
        dy, dx = np.abs(centres - y), np.abs(centres - x)
        if periodic:
            dy, dx = np.minimum(dy, side - dy), np.minimum(dx, side - dx)
        distance = np.sqrt(dy[:, None] ** 2 + dx**2)
        second = np.minimum(second, np.maximum(distance, first))
        which = np.where(distance < first, index, which)
        first = np.minimum(first, distance)
    return first, second, which
