"""Periodic tiles of texture, made once a process from fixed seeds."""

from functools import cache

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.data.garden.circle import cosine_sine
from florascope.data.garden.dice import Dice

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
