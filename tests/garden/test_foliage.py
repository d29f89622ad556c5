"""Pixels along strokes, against projection onto the stroke's axis."""

import numpy as np
import pytest

from florascope.garden.foliage import (
    BROAD,
    LEAF_KINDS,
    STEM,
    Strokes,
    draw,
    leaves,
    runs,
    stems,
    together,
)
from florascope.garden.paint import LEAVES, Canvas, Dice, Paint

SIZE = 120


def stroke(turns: float, bow: float = 0.0, **fields: float) -> Strokes:
    values = {"x": 0.5, "y": 0.5, "turns": turns, "length": 0.3, "width": 1.0, "bow": bow}
    values |= {"tone": 1.0, "soft": 1.0} | fields
    return Strokes(*(np.array([value]) for value in values.values()))


@pytest.mark.parametrize("turns", [0.0, 0.06, 0.2, 0.33, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("bow", [0.0, 0.1])
def test_every_pixel_knows_where_it_lies_on_its_stroke(turns: float, bow: float) -> None:
    near = runs(SIZE, stroke(turns, bow), 0.1)
    rows, columns = np.divmod(near.index[near.valid], SIZE)
    x, y = (columns + 0.5) / SIZE - 0.5, (rows + 0.5) / SIZE - 0.5
    c, s = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    along, across = (x * c + y * s) / 0.3, (x * s - y * c) / 0.3
    across -= 4 * bow * along * (1 - along)
    np.testing.assert_allclose(near.along[near.valid], along, atol=0.003)
    np.testing.assert_allclose(near.across[near.valid], across, atol=0.003)


@pytest.mark.parametrize("turns", [0.0, 0.1, 0.3, 0.6, 0.8])
@pytest.mark.parametrize("bow", [0.0, -0.12])
def test_no_pixel_of_the_stroke_is_left_out(turns: float, bow: float) -> None:
    half = 0.2
    near = runs(SIZE, stroke(turns, bow), half)
    found = np.zeros((SIZE, SIZE), dtype=int)
    np.add.at(found.reshape(-1), near.index[near.valid], 1)
    grid = (np.arange(SIZE) + 0.5) / SIZE - 0.5
    x, y = np.meshgrid(grid, grid)
    c, s = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    along, across = (x * c + y * s) / 0.3, (x * s - y * c) / 0.3
    across -= 4 * bow * along * (1 - along)
    on = (
        (along >= 0)
        & (along <= 1)
        & (np.abs(across) <= half * 2 * np.sqrt(along.clip(0, 1) * (1 - along).clip(0, 1)))
    )
    assert on.sum() > 100
    assert (found[on] == 1).all()
    assert found.max() == 1


def test_beyond_the_canvas_no_pixel_is_valid() -> None:
    assert not runs(SIZE, stroke(0.1, x=4.0), 0.1).valid.any()
    assert not runs(SIZE, stroke(0.1, y=-3.0), 0.1).valid.any()
    assert runs(SIZE, stroke(0.75, y=1.2), 0.1).valid.any()


def test_together_keeps_the_order() -> None:
    one, two = stroke(0.1), stroke(0.2)
    assert together([one]) is one
    assert len(together([one, two])) == 2
    assert together([one, two]).turns.tolist() == [0.1, 0.2]


GREEN = Paint(LEAVES[0])


def a_flower_everywhere(size: int = 160) -> Canvas:
    canvas = Canvas(size)
    canvas.planes[:] = 1
    return canvas


@pytest.mark.parametrize("thickness", [0.05, 0.002])
@pytest.mark.parametrize("head", [(0.5, 0.1), (0.9, 0.85)])
def test_a_stem_covers_its_length_times_its_thickness(
    thickness: float, head: tuple[float, float]
) -> None:
    canvas = a_flower_everywhere()
    x, y = (np.array([part]) for part in head)
    draw(canvas, stems((0.5, 0.9), x, y, thickness, Dice(1)), STEM, GREEN, Dice(1))
    length = np.hypot(head[0] - 0.5, head[1] - 0.9)
    hidden = (1 - canvas.planes[3]).sum() / 160**2
    # The strap's outline, s^(1/4) (1-s)^(1/4) over its peak, has a mean of 0.87.
    assert hidden == pytest.approx(0.87 * length * thickness, rel=0.25)


def test_stems_reach_from_the_foot_to_every_head() -> None:
    canvas = a_flower_everywhere()
    heads = np.array([0.2, 0.5, 0.8]), np.array([0.2, 0.1, 0.3])
    draw(canvas, stems((0.5, 0.9), *heads, 0.03, Dice(1)), STEM, GREEN, Dice(1))
    share = canvas.planes[3]
    assert share[142, 80] < 0.5
    for x, y in zip(*heads, strict=True):
        near = share[int(y * 160) : int(y * 160) + 8, int(x * 160) - 4 : int(x * 160) + 5]
        assert near.min() < 0.5


@pytest.mark.parametrize("kind", LEAF_KINDS)
def test_leaves_hide_flowers_and_are_green(kind: object) -> None:
    canvas = a_flower_everywhere()
    place = np.array([0.5])
    strokes = leaves(place, place + 0.4, place + 0.25, place, np.ones(1), Dice(1))
    draw(canvas, strokes, kind, GREEN, Dice(1))  # type: ignore[arg-type]  # one of the kinds
    leaf = canvas.planes[3] == 0
    assert leaf.sum() > 100
    red, green, blue = canvas.planes[:3, leaf].mean(axis=1)
    assert green > red > blue


def test_a_soft_leaf_has_a_wider_edge() -> None:
    edges = []
    for soft in (1.0, 6.0):
        canvas = a_flower_everywhere()
        place = np.array([0.5])
        draw(
            canvas,
            leaves(place, place + 0.4, place + 0.25, place, np.array([soft]), Dice(1)),
            BROAD,
            GREEN,
            Dice(1),
        )
        share = canvas.planes[3]
        edges.append(((share > 0.05) & (share < 0.95)).sum())
    assert edges[1] > 3 * edges[0]


def test_a_leaf_beyond_the_canvas_changes_nothing() -> None:
    canvas = a_flower_everywhere()
    far = np.array([5.0])
    draw(canvas, leaves(far, far, far, np.ones(1), np.ones(1), Dice(1)), BROAD, GREEN, Dice(1))
    assert (canvas.planes == 1).all()
