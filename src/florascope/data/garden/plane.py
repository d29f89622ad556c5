"""Where blossoms stand, and the flat plane of each as the camera sees it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from florascope.data.garden.canvas import Canvas, Patch
from florascope.data.garden.circle import cosine_sine

Each = Float64[np.ndarray, "m"]
Field = Float32[np.ndarray, "m p p"]


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
    """Square windows of the canvas and the plane coordinates of their pixels.

    Attributes:
        left: (m,) first column of each window; windows lie inside the canvas.
        top: (m,) first row.
        u: (m, p, p) first coordinate in the thing's plane, in units of its radius.
        v: (m, p, p) second coordinate.
        pixels: (m, 1, 1) the radius in pixels.
        tone: (m, 1, 1) brightness.
    """

    left: Int64[np.ndarray, "m"]
    top: Int64[np.ndarray, "m"]
    u: Field
    v: Field
    pixels: Float32[np.ndarray, "m 1 1"]
    tone: Float32[np.ndarray, "m 1 1"]


@dataclass(frozen=True)
class Swatch:
    """What a painter returns for a plane: light times cover, and cover."""

    light: Float32[np.ndarray, "3 m p p"]
    cover: Field


def plane(canvas: Canvas, poses: Poses, reach: float = 1.05, lift: float = 0.0) -> Plane:
    """Look at the planes through square windows around their centres.

    Args:
        canvas: gives the size in pixels.
        poses: the m planes.
        reach: half a window's side, in units of the greatest radius.
        lift: height over the plane, per unit of radius: a cup is positive, a cone hangs below.

    Returns:
        Windows of one common side, moved to lie inside the canvas.
    """
    size = canvas.size
    side = min(int(2 * reach * float(poses.radius.max()) * size) + 3, size)
    left = _first(poses.x, side, size)
    top = _first(poses.y, side, size)
    pixels = _each(np.maximum(poses.radius * size, 0.5))
    steps = np.arange(side) + 0.5
    dx = ((left - poses.x * size)[:, None, None] + steps).astype(np.float32) / pixels
    dy = ((top - poses.y * size)[:, None, None] + steps[:, None]).astype(np.float32) / pixels
    u, v = _face(poses, dx, dy, lift)
    return Plane(left, top, u, v, pixels, _each(poses.tone))


def patches(view: Plane, swatch: Swatch, *, flower: bool) -> list[Patch]:
    """Cut a swatch into one patch for each of the m windows."""
    return [
        Patch(int(left), int(top), swatch.light[:, j], swatch.cover[j], flower)
        for j, (left, top) in enumerate(zip(view.left, view.top, strict=True))
    ]


def _first(centre: Each, side: int, size: int) -> Int64[np.ndarray, "m"]:
    first = np.floor(centre * size - side / 2 + 0.5).astype(np.int64)
    return first.clip(0, size - side)


def _each(values: Each) -> Float32[np.ndarray, "m 1 1"]:
    return values.astype(np.float32)[:, None, None]


def _face(poses: Poses, dx: Field, dy: Field, lift: float) -> tuple[Field, Field]:
    """Undo the foreshortening along the axis, then the spin."""
    if bool((poses.tilt >= 1).all()) and lift == 0:
        return _rotate(dx, dy, poses.spin)
    a, b = _rotate(dx, dy, poses.axis)
    squash = _each(1 / poses.tilt)
    a = a * squash
    if lift:
        # A point at radius r stands lift * r over the plane, which moves it along the axis by
        # lift * r * sin; r is taken from where it would be in the plane, then once more.
        shift = _each(lift * np.sqrt(1 - poses.tilt * poses.tilt) / poses.tilt)
        raised = a + shift * np.sqrt(a * a + b * b)
        a = a + shift * np.sqrt(raised * raised + b * b)
    return _rotate(a, b, poses.spin - poses.axis)


def _rotate(x: Field, y: Field, turns: Each) -> tuple[Field, Field]:
    c, s = (_each(part) for part in cosine_sine(turns))
    return x * c + y * s, y * c - x * s
