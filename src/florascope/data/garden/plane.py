"""Where blossoms stand, and the flat plane of each as the camera sees it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.circle import cosine_sine
from florascope.data.garden.colour import RGB

Each = Float64[np.ndarray, "m"]
Field = Float32[np.ndarray, "m h w"]

CHUNK = 6144
"""Pixels evaluated at a time: temporary arrays that stay in the cache are twice as fast."""


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
        return np.stack([self.x, self.y])

    @cached_property
    def slant(self) -> Each:
        """Sine of the angle between plane and picture."""
        return np.sqrt(1 - self.tilt * self.tilt)

    @cached_property
    def turned(self) -> Float64[np.ndarray, "4 m"]:
        """Cosine and sine of the axis, then of the spin against the axis."""
        (ca, cr), (sa, sr) = cosine_sine(np.stack([self.axis, self.spin - self.axis]))
        return np.stack([ca, sa, cr, sr])

    @cached_property
    def forward(self) -> Float64[np.ndarray, "2 2 m"]:
        """The linear map from the plane to the screen, in units of the radius: row, column."""
        ca, sa, cr, sr = self.turned
        k = self.tilt
        return np.stack(
            [
                np.stack([k * cr * ca - sr * sa, -k * sr * ca - cr * sa]),
                np.stack([k * cr * sa + sr * ca, -k * sr * sa + cr * ca]),
            ]
        )

    @cached_property
    def inverse(self) -> Float32[np.ndarray, "2 2 m 1 1"]:
        """The inverse of `forward`, whose determinant is the tilt."""
        (xu, xv), (yu, yv) = self.forward
        rows = np.stack([np.stack([yv, -xv]), np.stack([-yu, xu])]) / self.tilt
        return rows.astype(np.float32)[:, :, :, None, None]


def pose(
    x: float,
    y: float,
    radius: float,
    spin: float = 0.0,
    tilt: float = 1.0,
    axis: float = 0.0,
    tone: float = 1.0,
) -> Poses:
    """One pose; see `Poses`."""
    return Poses(*(np.array([value]) for value in (x, y, radius, spin, tilt, axis, tone)))


@dataclass(frozen=True)
class Plane:
    """Windows of the canvas and the plane coordinates of their pixels.

    Attributes:
        u: (m, h, w) first coordinate in the thing's plane, in units of its radius.
        v: (m, h, w) second coordinate.
        pixels: (m, 1, 1) the radius in pixels.
        tone: (m,) brightness.
    """

    u: Field
    v: Field
    pixels: Float32[np.ndarray, "m 1 1"]
    tone: Each

    def finish(self, planes: "Swatch", cover: Field, shade: Field | None, tint: RGB) -> "Swatch":
        """Tint the light of a swatch, multiply it by the cover and add the cover, in place.

        Args:
            planes: light, and room for the cover.
            cover: (m, h, w) to be filled in.
            shade: what the light is multiplied by instead, where parts of it are in the shade.
            tint: factors of red, green and blue.
        """
        light = planes[:3]
        light *= cover if shade is None else shade
        light *= np.multiply.outer(tint, self.tone).astype(np.float32)[:, :, None, None]
        planes[3] = cover
        return planes


Swatch = Float32[np.ndarray, "4 m h w"]
"""What a painter returns for a plane: light times cover, then cover; see `Patch`."""

Painter = Callable[[Plane], Swatch]


@dataclass(frozen=True)
class Hull:
    """What a painter's work lies in: an ellipse or a parallelogram of the plane.

    Attributes:
        p: half of its first axis, (u, v) in units of the radius.
        q: half of its second axis.
        centre: its middle.
        round: whether it is the ellipse.
        lift: height over the plane, per unit of radius: a cup is positive, a cone hangs below.
    """

    p: tuple[float, float]
    q: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    round: bool = False
    lift: float = 0.0

    def bounds(self, poses: Poses) -> tuple[Float64[np.ndarray, "2 m"], Float64[np.ndarray, "2 m"]]:
        """Least and greatest (x, y) on the screen, as fractions of the picture."""
        u, v = poses.forward[:, 0], poses.forward[:, 1]
        p, q = u * self.p[0] + v * self.p[1], u * self.q[0] + v * self.q[1]
        half = np.sqrt(p * p + q * q) if self.round else np.abs(p) + np.abs(q)
        middle = u * self.centre[0] + v * self.centre[1]
        low, high = middle - half, middle + half
        if self.lift:
            shift = -self.lift * max(self.p) * poses.slant * poses.turned[:2]
            low, high = low + np.minimum(shift, 0), high + np.maximum(shift, 0)
        return poses.centre + poses.radius * low, poses.centre + poses.radius * high


def disc_hull(radius: float, centre: tuple[float, float] = (0.0, 0.0), lift: float = 0.0) -> Hull:
    """The hull of a disc in the plane."""
    return Hull((radius, 0.0), (0.0, radius), centre, round=True, lift=lift)


def sweep(canvas: Canvas, poses: Poses, hull: Hull, painter: Painter) -> list[list[Patch]]:
    """Paint m poses, some thousand pixels at a time.

    Args:
        canvas: gives the size in pixels.
        poses: the m planes.
        hull: what the work lies in.
        painter: evaluates a plane.

    Returns:
        The patches of each pose.
    """
    result: list[list[Patch]] = [[] for _ in range(len(poses))]
    for box in _chunks(_box(canvas.size, *hull.bounds(poses)), len(poses)):
        swatch = painter(_plane(canvas.size, poses, box, hull.lift))
        for j, (left, top) in enumerate(box.corner.T.tolist()):
            result[box.which.start + j].append(Patch(left, top, swatch[:, j]))
    return result


@dataclass(frozen=True)
class Box:
    """Windows of one common shape inside the canvas, for some of the poses.

    Attributes:
        which: the poses.
        corner: (2, m) column and row of the first pixel of each window.
        h: rows.
        w: columns.
    """

    which: slice
    corner: Int64[np.ndarray, "2 m"]
    h: int
    w: int


def _box(size: int, low: Float64[np.ndarray, "2 m"], high: Float64[np.ndarray, "2 m"]) -> Box:
    first = np.floor(low * size - 1).astype(np.int64).clip(0, size)
    last = np.ceil(high * size + 1).astype(np.int64).clip(0, size)
    extent = (last - first).max(axis=1)
    w, h = extent.tolist()
    return Box(slice(0, first.shape[1]), np.minimum(first, size - extent[:, None]), h, w)


def _chunks(box: Box, m: int) -> Iterator[Box]:
    """Some whole windows at a time, or one window in bands of rows."""
    area = box.h * box.w
    if area == 0:
        return
    if m > 1:
        step = max(CHUNK // area, 1)
        for first in range(0, m, step):
            which = slice(first, first + step)
            yield Box(which, box.corner[:, which], box.h, box.w)
        return
    bands = -(-area // CHUNK)
    rows = -(-box.h // bands)
    for row in range(0, box.h, rows):
        corner = box.corner + np.array([[0], [row]])
        yield Box(box.which, corner, min(rows, box.h - row), box.w)


STEPS = np.arange(4096, dtype=np.float32)


def _plane(size: int, poses: Poses, box: Box, lift: float) -> Plane:
    which = box.which
    pixels = np.maximum(poses.radius[which] * size, 0.5)
    start = (box.corner + 0.5 - poses.centre[:, which] * size).astype(np.float32)
    dx = start[0][:, None, None] + STEPS[: box.w]
    dy = start[1][:, None, None] + STEPS[: box.h, None]
    pixels = pixels.astype(np.float32)[:, None, None]
    dx /= pixels
    dy /= pixels
    u, v = _raised(poses, which, dx, dy, lift) if lift else _flat(poses, which, dx, dy)
    return Plane(u, v, pixels, poses.tone[which])


def _flat(poses: Poses, which: slice, dx: Field, dy: Field) -> tuple[Field, Field]:
    (ux, uy), (vx, vy) = poses.inverse[:, :, which]
    return ux * dx + uy * dy, vx * dx + vy * dy


def _raised(poses: Poses, which: slice, dx: Field, dy: Field, lift: float) -> tuple[Field, Field]:
    """Undo the foreshortening along the axis, then the spin.

    A point at radius r stands lift * r over the plane, which moves it along the axis by
    lift * r * sin; r is taken from where it would be in the plane, then once more.
    """
    ca, sa, cr, sr = poses.turned[:, which].astype(np.float32)[:, :, None, None]
    tilt = poses.tilt[which].astype(np.float32)[:, None, None]
    a = (ca / tilt) * dx + (sa / tilt) * dy
    b = ca * dy - sa * dx
    shift = np.float32(lift) * poses.slant[which].astype(np.float32)[:, None, None] / tilt
    bb = b * b
    first = a * a
    first += bb
    raised = np.sqrt(first, out=first)
    raised *= shift
    raised += a
    raised *= raised
    raised += bb
    np.sqrt(raised, out=raised)
    raised *= shift
    a += raised
    return cr * a + sr * b, cr * b - sr * a
