"""Pixels along strokes, against projection onto the stroke's axis."""

import numpy as np
import pytest

from florascope.data.garden.strokes import Strokes, runs, together

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
