"""Covering and shading, by hand."""

import numpy as np

from florascope.data.garden.canvas import Canvas, Dab, Patch


def flower(cover: float, light: float, left: int = 1, top: int = 0) -> Patch:
    planes = np.full((4, 2, 2), light * cover, dtype=np.float32)
    planes[3] = cover
    return Patch(left, top, planes)


def test_a_patch_covers_light_and_takes_its_share() -> None:
    canvas = Canvas(4)
    canvas.planes[:3] = 0.8
    canvas.lay(flower(0.25, 0.4))
    np.testing.assert_allclose(canvas.planes[:3, 0, 1], 0.75 * 0.8 + 0.25 * 0.4)
    assert canvas.planes[3, 0, 1] == 0.25
    assert canvas.planes[3].sum() == 4 * 0.25
    assert (canvas.planes[:3, 2:] == np.float32(0.8)).all()


def test_what_lies_over_a_flower_takes_its_share_away() -> None:
    canvas = Canvas(4)
    canvas.lay(flower(1.0, 0.5))
    leaf = Dab(np.array([1, 6]), np.full((3, 2), 0.06, np.float32), np.array([0.6, 1], np.float32))
    canvas.dab(leaf)
    np.testing.assert_allclose(canvas.planes[:, 0, 1], [0.4 * 0.5 + 0.06] * 3 + [0.4], rtol=1e-6)
    np.testing.assert_allclose(canvas.planes[:, 1, 2], [0.06] * 3 + [0.0], rtol=1e-6)


def test_a_shadow_changes_light_alone_and_may_reach_over_the_edge() -> None:
    canvas = Canvas(4)
    canvas.planes[:] = 1
    factor = np.arange(9, dtype=np.float32).reshape(3, 3) / 10
    canvas.darken(-1, 2, factor)
    np.testing.assert_allclose(canvas.planes[0, 2:, :2], factor[:2, 1:])
    assert (canvas.planes[3] == 1).all()
    assert (canvas.planes[:3, :2] == 1).all()
    canvas.darken(9, -9, factor)
    canvas.darken(-5, -5, factor)
    assert (canvas.planes[:3, :2] == 1).all()
