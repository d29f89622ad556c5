"""Windows and their coordinates, against areas and points that are known."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from florascope.garden import plane as module
from florascope.garden.geometry import Poses
from florascope.garden.paint import Canvas
from florascope.garden.plane import SECTORS, Brush, Hull, Plane, Stance, Swatch, disc_hull, painted

SIZE = 200


def poses(n: int = 1, **fields: float) -> Poses:
    values = {"x": 0.5, "y": 0.5, "radius": 0.3, "spin": 0.1, "tilt": 0.7, "axis": 0.2, "tone": 1.0}
    values |= fields
    return Poses(*(np.full(n, value) for value in values.values()))


def disc(radius: float, centre: complex = 0) -> Callable[[Plane], Swatch]:
    def paint(view: Plane) -> Swatch:
        cover = (np.abs(view.points - np.complex64(centre)) <= radius).astype(np.float32)
        return np.stack([cover] * 4)

    return paint


def share(where: Poses, brushes: Sequence[Brush]) -> np.ndarray:
    canvas = Canvas(SIZE)
    for patches in painted(SIZE, where, brushes):
        for patch in patches:
            canvas.lay(patch)
    return canvas.planes[3]


UNIT = Brush(disc_hull(1.0), disc(1.0))


def test_a_tilted_disc_has_the_area_of_its_ellipse() -> None:
    assert share(poses(), [UNIT]).sum() == pytest.approx(np.pi * 60 * 60 * 0.7, rel=0.01)


@pytest.mark.parametrize("lift", [-0.4, 0.5])
@pytest.mark.parametrize("n", [1, 3])
def test_a_lifted_disc_lies_where_its_points_do(lift: float, n: int) -> None:
    where = poses(n, tilt=0.8, axis=0.25, spin=0.0)
    brush = Brush(disc_hull(1.0, stance=Stance(lift=lift)), disc(1.0))
    rows, columns = np.nonzero(share(where, [brush]))
    # The height is taken from two rounds of a fixed point: some pixels short of its limit.
    # At the rim both ends of the axis move by lift * sin = 0.6 lift radii; +v is down.
    assert rows.min() == pytest.approx(100 - 60 * (0.8 + 0.6 * lift), abs=3.5)
    assert rows.max() == pytest.approx(100 + 60 * (0.8 - 0.6 * lift), abs=3.5)
    assert columns.max() - columns.min() == pytest.approx(120, abs=2)


def test_a_risen_disc_stands_higher() -> None:
    brush = Brush(disc_hull(0.3, stance=Stance(rise=0.5)), disc(0.3))
    rows = np.nonzero(share(poses(tilt=0.6), [brush]))[0]
    assert rows.mean() == pytest.approx(99.5 - 0.5 * 60 * 0.64, abs=1)


@pytest.mark.parametrize("centre", [0, 0.5, 0.2 - 0.6j])
@pytest.mark.parametrize("lift", [0.0, 0.3])
def test_a_part_of_the_window_makes_the_same_picture_as_the_whole(
    centre: complex, lift: float
) -> None:
    stance = Stance(lift=lift)
    wide = Brush(disc_hull(1.3, stance=stance), disc(0.3, centre))
    place = (complex(centre).real, complex(centre).imag)
    tight = Brush(disc_hull(0.3, place, stance), disc(0.3, centre))
    beside = Brush(disc_hull(1.3, stance=stance), disc(0.0, 9))
    alone, within = share(poses(), [wide]), share(poses(), [beside, tight])
    assert alone.sum() > 300
    np.testing.assert_array_equal(within, alone)


def test_a_lone_window_and_one_of_many_show_the_same() -> None:
    one = share(poses(), [UNIT])
    np.testing.assert_array_equal(share(poses(7), [UNIT]), one)


def test_chunks_make_the_same_picture_as_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    many = poses(9, radius=0.1)
    many = Poses(*({**vars(many), "x": np.linspace(0.02, 0.9, 9)}[k] for k in vars(poses())))
    whole = share(many, [UNIT])
    monkeypatch.setattr(module, "CHUNK", 300)
    np.testing.assert_array_equal(share(many, [UNIT]), whole)


def test_windows_stay_inside_and_every_pose_gets_its_patches() -> None:
    stacks = list(painted(SIZE, poses(9, x=0.02), [UNIT, UNIT]))
    assert [len(stack) for stack in stacks] == [2] * 9
    for patch in stacks[0]:
        assert patch.left == 0
        assert patch.left + patch.planes.shape[2] <= SIZE


@pytest.mark.parametrize("n", [1, 4])
def test_beyond_the_canvas_there_is_nothing_to_paint(n: int) -> None:
    assert list(painted(SIZE, poses(n, x=3.0), [UNIT])) == [[]] * n


def test_sectors_count_around_from_the_left() -> None:
    turns = (np.arange(720) + 0.5) / 720
    points = np.exp(2j * np.pi * (turns - 0.5)).astype(np.complex64)[None, None]
    lone = np.ones((1, 1, 1), dtype=np.float32)
    sector = Plane(points, lone, lone).sector.ravel()
    assert (np.diff(sector) > 0).all()
    np.testing.assert_allclose(sector[[0, 180, 360, 540]], np.arange(4) * SECTORS / 4, atol=9)


def test_a_crop_shares_the_sectors_of_the_whole() -> None:
    points = (np.arange(12) - 5.5 + 2j).reshape(1, 3, 4).astype(np.complex64)
    lone = np.ones((1, 1, 1), dtype=np.float32)
    whole = Plane(points, lone, lone)
    part = whole.crop(slice(1, 3), slice(0, 2))
    np.testing.assert_array_equal(part.points, points[:, 1:3, :2])
    np.testing.assert_array_equal(part.sector, whole.sector[:, 1:3, :2])


def test_a_parallelograms_bounds_and_reach() -> None:
    flat = poses(spin=0.0, tilt=1.0, axis=0.0, radius=0.1)
    hull = Hull((1.0, 0.5), (0.0, 0.25), centre=(2.0, 0.0))
    columns, rows = hull.bounds(flat)
    assert columns == pytest.approx((0.5 + 0.1 * (2 - 1), 0.5 + 0.1 * (2 + 1)))
    assert rows == pytest.approx((0.5 - 0.1 * 0.75, 0.5 + 0.1 * 0.75))
    corners = [abs(2 + a * (1 + 0.5j) + b * 0.25j) for a in (-1, 1) for b in (-1, 1)]
    assert hull.reach >= max(corners)
