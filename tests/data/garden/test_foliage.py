"""Leaves and stems: where they are, and that they are no flower."""

import numpy as np
import pytest

from florascope.data.garden.canvas import Canvas
from florascope.data.garden.colour import LEAVES, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.foliage import BROAD, LEAF_KINDS, STEM, draw, leaves, stems

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
