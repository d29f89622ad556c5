"""Sines, cosines and angles from + - * / alone, so that they round alike on every machine.

Angles are counted in turns: 0.25 is a right angle. On screen y points down, so 0.75 is up.
"""

import math

import numpy as np
from jaxtyping import Float32, Float64

Vector = tuple[float, float]

TURN = 8192
"""Directions in a turn: all angles are rounded down to one of them."""

# atan(z) / 2 pi on [0, 1] as an odd polynomial: least squares at the Chebyshev nodes,
# largest error 1.3e-5 radians.
ATAN = (0.15913128, -0.05253784, 0.02855884, -0.0134006, 0.00324987)


def _table() -> Float64[np.ndarray, "2 8192"]:
    """Taylor's series up to an eighth of a turn, then the double-angle formulas twice."""
    turns = (np.arange(TURN) + TURN // 2) % TURN - TURN // 2
    a = turns * (np.pi / 2 / TURN)
    aa = a * a
    c = 1 - aa / 2 * (1 - aa / 12 * (1 - aa / 30 * (1 - aa / 56 * (1 - aa / 90))))
    s = a * (1 - aa / 6 * (1 - aa / 20 * (1 - aa / 42 * (1 - aa / 72))))
    for _ in range(2):
        c, s = c * c - s * s, 2 * c * s
    return np.stack([c, s])


TABLE = _table()


def cosine_sine(turns: Float64[np.ndarray, "*s"]) -> Float64[np.ndarray, "2 *s"]:
    """Cosine and sine of angles in turns, each rounded down to 1/8192 of a turn."""
    return TABLE.take(np.floor(turns * TURN).astype(np.intp), axis=1, mode="wrap")


def direction(turns: float) -> Vector:
    """The unit vector (x, y) at one angle in turns, rounded likewise."""
    at = math.floor(turns * TURN) % TURN
    return float(TABLE[0, at]), float(TABLE[1, at])


def pseudo_angle(
    y: Float32[np.ndarray, "*s"], x: Float32[np.ndarray, "*s"]
) -> Float32[np.ndarray, "*s"]:
    """A number from -2 to 2 that grows with the angle of (x, y), without trigonometry.

    It is 1 - x / (|x| + |y|) with the sign of y: 0 to the right, 1 below, +-2 to the left.
    """
    size = np.abs(x)
    size += np.abs(y)
    size += np.float32(1e-20)
    np.divide(x, size, out=size)
    np.subtract(np.float32(1), size, out=size)
    return np.copysign(size, y, out=size)


def angle(dx: float, dy: float) -> float:
    """The angle of one vector (dx, dy) in turns, 0 to 1, as `turn` gives it."""
    ax, ay = abs(dx), abs(dy)
    z = min(ax, ay) / max(ax, ay, 1e-20)
    zz = z * z
    turns = z * (ATAN[0] + zz * (ATAN[1] + zz * (ATAN[2] + zz * (ATAN[3] + zz * ATAN[4]))))
    turns = 0.25 - turns if ay > ax else turns
    turns = 0.5 - turns if dx < 0 else turns
    return 1 - turns if dy < 0 else turns


def turn(y: Float32[np.ndarray, "*s"], x: Float32[np.ndarray, "*s"]) -> Float32[np.ndarray, "*s"]:
    """The angle of (x, y) in turns, 0 to 1, to about 2e-6; 0 at the origin."""
    ax, ay = np.abs(x), np.abs(y)
    z = np.minimum(ax, ay)
    z /= np.maximum(np.maximum(ax, ay), np.float32(1e-20))
    zz = z * z
    angle = zz * np.float32(ATAN[4])
    for coefficient in ATAN[3:0:-1]:
        angle += np.float32(coefficient)
        angle *= zz
    angle += np.float32(ATAN[0])
    angle *= z
    angle = np.where(ay > ax, np.float32(0.25) - angle, angle)
    angle = np.where(x < 0, np.float32(0.5) - angle, angle)
    return np.where(y < 0, np.float32(1) - angle, angle)
