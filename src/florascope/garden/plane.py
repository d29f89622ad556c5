"""The flat plane of each blossom as the camera sees it, and what brushes paint on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, hypot

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int64

from florascope.garden.geometry import Poses, pseudo_angle
from florascope.garden.paint import Patch

Field = Float32[np.ndarray, "m h w"]
Lone = Float32[np.ndarray, "m 1 1"]
Corners = Float64[np.ndarray, "2 m"]
Part = tuple[slice, slice, slice]

CHUNK = 16384
"""Pixels evaluated at a time where there are many windows: temporary arrays stay in the cache."""

SECTORS = 2048
"""Sectors of a turn, see `Plane.sector`: tables by sector have one entry more."""

WHOLE: Part = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class Plane:
    """Windows of the canvas and the plane coordinates of their pixels.

    A complex number is only a pair here: multiplying by one turns and scales in a single pass.

    Attributes:
        points: (m, h, w) u + iv in the thing's plane, in units of its radius.
        pixels: (m, 1, 1) the radius in pixels.
        tone: (m, 1, 1) brightness.
        whole: what this is a part of.
        part: which part.
    """

    points: Complex64[np.ndarray, "m h w"]
    pixels: Lone
    tone: Lone
    whole: "Plane | None" = None
    part: Part = WHOLE

    @cached_property
    def sector(self) -> Int64[np.ndarray, "m h w"]:
        """The pseudo-angle of every point, from 0 (to the left) once around to SECTORS."""
        if self.whole is not None:
            part: Int64[np.ndarray, "m h w"] = self.whole.sector[self.part]
            return part
        sector = pseudo_angle(self.points.imag, self.points.real)
        sector *= np.float32(SECTORS // 4)
        sector += np.float32(SECTORS // 2)
        return sector.astype(np.int64)

    def crop(self, rows: slice, columns: slice) -> "Plane":
        """The same rows and columns of every window."""
        part = (slice(None), rows, columns)
        return Plane(self.points[part], self.pixels, self.tone, self, part)


Swatch = Float32[np.ndarray, "4 m h w"]
"""What a brush leaves on a plane: light times cover, then cover; see `Patch`."""


@dataclass(frozen=True)
class Stance:
    """How a thing stands on the plane of its blossom.

    Attributes:
        lift: height over the plane, per unit of radius: a cup is positive, a cone hangs below.
        rise: height of its middle, drawn as a shift away from the ground.
    """

    lift: float = 0.0
    rise: float = 0.0


FLAT = Stance()


@dataclass(frozen=True)
class Hull:
    """What a brush's work lies in: an ellipse or a parallelogram of the plane.

    Attributes:
        p: half of its first axis, (u, v) in units of the radius.
        q: half of its second axis.
        centre: its middle.
        round: whether it is the ellipse.
        stance: how it stands.
    """

    p: tuple[float, float]
    q: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    round: bool = False
    stance: Stance = FLAT

    @cached_property
    def reach(self) -> float:
        """Radius of a disc around the blossom's centre that holds it."""
        p, q = hypot(*self.p), hypot(*self.q)
        return hypot(*self.centre) + (max(p, q) if self.round else hypot(p, q))

    def bounds(self, poses: Poses) -> tuple[tuple[float, float], tuple[float, float]]:
        """Least and greatest column, then row, for a single pose, as fractions of the picture."""
        columns, rows = zip(poses.forward[:, :, 0].tolist(), self._shift(poses), strict=True)
        radius, (x, y) = float(poses.radius[0]), poses.centre[:, 0].tolist()
        return self._range(x, radius, *columns), self._range(y, radius, *rows)

    def _shift(self, poses: Poses) -> tuple[float, float]:
        if not self.stance.lift:
            return 0.0, 0.0
        far = -self.stance.lift * self.reach * float(poses.slant[0])
        return far * float(poses.turned[0, 0, 0]), far * float(poses.turned[1, 0, 0])

    def _range(
        self, at: float, radius: float, row: Sequence[float], shift: float
    ) -> tuple[float, float]:
        u, v = row
        p, q = u * self.p[0] + v * self.p[1], u * self.q[0] + v * self.q[1]
        half = hypot(p, q) if self.round else abs(p) + abs(q)
        middle = u * self.centre[0] + v * self.centre[1]
        low, high = middle - half + min(shift, 0.0), middle + half + max(shift, 0.0)
        return at + radius * low, at + radius * high


def disc_hull(
    radius: float, centre: tuple[float, float] = (0.0, 0.0), stance: Stance = FLAT
) -> Hull:
    """The hull of a disc in the plane."""
    return Hull((radius, 0.0), (0.0, radius), centre, round=True, stance=stance)


@dataclass(frozen=True)
class Brush:
    """Something to paint: where, and with which light and cover."""

    hull: Hull
    paint: Callable[[Plane], Swatch]


def painted(size: int, poses: Poses, brushes: Sequence[Brush]) -> Iterator[list[Patch]]:
    """Paint m poses, some thousand pixels at a time.

    Args:
        size: pixels a side of the canvas.
        poses: the m planes.
        brushes: what to paint on each.

    Yields:
        For each pose its patches in the order of the brushes.
    """
    windows = _windows(size, poses, brushes)
    area = max(view.h * view.w for view in windows.values())
    step = len(poses) if area == 0 else max(CHUNK // area, 1)
    for first in range(0, len(poses), step):
        some = slice(first, min(first + step, len(poses)))
        planes = {stance: view.plane(some) for stance, view in windows.items()}
        layers = [
            windows[brush.hull.stance].paint(brush, planes[brush.hull.stance], some)
            for brush in brushes
        ]
        yield from (
            [patch for patch in stack if patch is not None] for stack in zip(*layers, strict=True)
        )


@dataclass(frozen=True)
class Windows:
    """Windows of one common shape inside the canvas, one for each pose.

    Attributes:
        size: pixels a side of the canvas.
        poses: the m poses.
        hull: what the windows hold.
        corner: (2, m) column and row of the first pixel of each window.
        h: rows.
        w: columns.
    """

    size: int
    poses: Poses
    hull: Hull
    corner: Int64[np.ndarray, "2 m"]
    h: int
    w: int

    def plane(self, which: slice) -> Plane:
        """The plane coordinates of some of the windows."""
        poses = self.poses
        pixels = np.maximum(poses.radius[which] * self.size, 0.5)
        start = (self.corner[:, which] + 0.5 - poses.centre[:, which] * self.size) / pixels
        steps = 1 / pixels.astype(np.float32)[:, None]
        first = start.astype(np.float32)[:, :, None]
        dx = (first[0] + STEPS[: self.w] * steps)[:, None, :]
        dy = (first[1] + STEPS[: self.h] * steps)[:, :, None]
        lift = self.hull.stance.lift
        points = _lifted(poses, which, dx, dy, lift) if lift else _flat(poses, which, dx, dy)
        tone = poses.tone[which].astype(np.float32)[:, None, None]
        return Plane(points, pixels.astype(np.float32)[:, None, None], tone)

    def paint(self, brush: Brush, plane: Plane, which: slice) -> list[Patch | None]:
        """Paint the windows, or a part of the window where there is but one."""
        corner, (h, w) = self.corner[:, which], plane.points.shape[1:]
        left, top = 0, 0
        if len(self.poses) == 1 and brush.hull is not self.hull:
            (left, right), (top, bottom) = self._part(brush.hull)
            h, w = bottom - top, right - left
            plane = plane.crop(slice(top, bottom), slice(left, right))
        if h <= 0 or w <= 0:
            return [None] * corner.shape[1]
        swatch = brush.paint(plane)
        places = corner.T.tolist()
        return [Patch(x + left, y + top, swatch[:, j]) for j, (x, y) in enumerate(places)]

    def _part(self, hull: Hull) -> tuple[tuple[int, int], tuple[int, int]]:
        """First column and row of a smaller hull in the only window, and those after the last."""
        x, y = self.corner[:, 0].tolist()
        columns, rows = hull.bounds(self.poses)
        return _within(columns, self.size, x, self.w), _within(rows, self.size, y, self.h)


def _within(bounds: tuple[float, float], size: int, start: int, extent: int) -> tuple[int, int]:
    first, last = floor(bounds[0] * size - 1) - start, ceil(bounds[1] * size + 1) - start
    return min(max(first, 0), extent), min(max(last, 0), extent)


def _windows(size: int, poses: Poses, brushes: Sequence[Brush]) -> dict[Stance, Windows]:
    """For each stance the windows that hold everything which stands so."""
    widest: dict[Stance, Hull] = {}
    for hull in (brush.hull for brush in brushes):
        before = widest.get(hull.stance)
        if before is None or hull.reach > before.reach:
            widest[hull.stance] = hull
    return {
        stance: _windows_of(size, poses.risen(stance.rise), hull) for stance, hull in widest.items()
    }


def _windows_of(size: int, poses: Poses, hull: Hull) -> Windows:
    if len(poses) == 1:
        (left, right), (top, bottom) = (_within(b, size, 0, size) for b in hull.bounds(poses))
        corner = np.array([[left], [top]])
        return Windows(size, poses, hull, corner, bottom - top, right - left)
    low, high = _extent(poses, hull)
    first = np.floor(low * size - 1).astype(np.int64).clip(0, size)
    last = np.ceil(high * size + 1).astype(np.int64).clip(0, size)
    w, h = (last - first).max(axis=1).tolist()
    corner = np.minimum(first, size - np.array([[w], [h]]))
    return Windows(size, poses, hull, corner, h, w)


def _extent(poses: Poses, hull: Hull) -> tuple[Corners, Corners]:
    """Least and greatest (x, y) of the disc around the centre that holds a hull."""
    forward = poses.forward
    squares = forward * forward
    half = hull.reach * np.sqrt(squares[:, 0] + squares[:, 1])
    low, high = -half, half
    if hull.stance.lift:
        shift = (-hull.stance.lift * hull.reach) * poses.slant * poses.turned[:, 0]
        low, high = low + np.minimum(shift, 0), high + np.maximum(shift, 0)
    return poses.centre + poses.radius * low, poses.centre + poses.radius * high


STEPS = np.arange(4096, dtype=np.float32)


def _flat(
    poses: Poses,
    which: slice,
    dx: Float32[np.ndarray, "m 1 w"],
    dy: Float32[np.ndarray, "m h 1"],
) -> Complex64[np.ndarray, "m h w"]:
    by_column, by_row = poses.inverse[:, which, None, None]
    return by_column * dx + by_row * dy


def _lifted(
    poses: Poses,
    which: slice,
    dx: Float32[np.ndarray, "m 1 w"],
    dy: Float32[np.ndarray, "m h 1"],
    lift: float,
) -> Complex64[np.ndarray, "m h w"]:
    """Undo the foreshortening along the axis, then the spin.

    A point at radius r stands lift * r over the plane, which moves it along the axis by
    lift * r * sin; r is taken from where it would be in the plane, then once more.
    """
    by_column, by_row, spin = poses.unturned[:, which, None, None]
    points = by_column * dx + by_row * dy
    a, b = points.real, points.imag
    shift = (lift * poses.slant[which] / poses.tilt[which]).astype(np.float32)[:, None, None]
    bb = np.square(b)
    raised = np.square(a)
    raised += bb
    np.sqrt(raised, out=raised)
    raised *= shift
    raised += a
    np.square(raised, out=raised)
    raised += bb
    np.sqrt(raised, out=raised)
    raised *= shift
    a += raised
    points *= spin
    return points
