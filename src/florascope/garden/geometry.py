"""Circles, poses in space and outlines of leaves and petals."""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64

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


Each = Float64[np.ndarray, "m"]


@dataclass(frozen=True)
class Poses:
    """How m things of one kind stand before the camera, (m,) each.

    Attributes:
        x: column of the centre, as a fraction of the picture.
        y: row of the centre, downward.
        radius: reach from the centre, as a fraction of the picture.
        spin: turn of the thing in its own plane, in turns.
        tilt: cosine of the angle between plane and picture: 1 is seen from the front.
        axis: direction on the screen, in turns, in which the plane is foreshortened.
        tone: brightness, 1 is neutral.
    """

    x: Each
    y: Each
    radius: Each
    spin: Each
    tilt: Each
    axis: Each
    tone: Each

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def centre(self) -> Float64[np.ndarray, "2 m"]:
        """Column and row of the centres, as fractions of the picture."""
        return np.array([self.x, self.y])

    @cached_property
    def slant(self) -> Each:
        """Sine of the angle between plane and picture."""
        slant: Each = np.sqrt(1 - self.tilt * self.tilt)
        return slant

    @cached_property
    def turned(self) -> Float64[np.ndarray, "2 2 m"]:
        """Cosine, then sine, of the axis and of the spin against the axis."""
        return cosine_sine(np.array([self.axis, self.spin - self.axis]))

    @cached_property
    def forward(self) -> Float64[np.ndarray, "2 2 m"]:
        """The linear map from the plane to the screen, in units of the radius: row, column."""
        (ca, cr), (sa, sr) = self.turned
        kc, ks = self.tilt * cr, self.tilt * sr
        return np.array(
            [[kc * ca - sr * sa, -ks * ca - cr * sa], [kc * sa + sr * ca, cr * ca - ks * sa]]
        )

    @cached_property
    def inverse(self) -> Complex64[np.ndarray, "2 m"]:
        """The inverse of `forward`, whose determinant is the tilt.

        A pixel one to the right, and one down, lies that far away in the plane, u + iv.
        """
        (xu, xv), (yu, yv) = self.forward
        return (np.array([yv - 1j * yu, 1j * xu - xv]) / self.tilt).astype(np.complex64)

    @cached_property
    def unturned(self) -> Complex64[np.ndarray, "3 m"]:
        """The same in two steps.

        First, for a pixel to the right and one down, the way along the axis (without the
        foreshortening) and across it; then the turn from the axis to the plane.
        """
        (ca, cr), (sa, sr) = self.turned
        k = self.tilt
        return np.array([ca / k - 1j * sa, sa / k + 1j * ca, cr - 1j * sr]).astype(np.complex64)

    def risen(self, height: float) -> "Poses":
        """Stood away from the ground by a height over their planes, in radii, and less tilted."""
        if not height:
            return self
        y = self.y - height * self.radius * (1 - self.tilt * self.tilt)
        return replace(self, y=y, tilt=np.sqrt(self.tilt))


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
