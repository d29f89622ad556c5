"""Maps between the plane of a blossom and the screen."""

import numpy as np

from florascope.data.garden.pose import Poses


def poses(**fields: float) -> Poses:
    """Two poses: one in general position, changed by the fields, and one from the front."""
    general = {"x": 0.4, "y": 0.6, "radius": 0.2, "spin": 0.3, "tilt": 0.6, "axis": 0.15, "tone": 1}
    front = {"x": 0.5, "y": 0.5, "radius": 0.1, "spin": 0.0, "tilt": 1.0, "axis": 0.0, "tone": 1}
    general |= fields
    return Poses(*(np.array([general[name], front[name]], dtype=float) for name in front))


def test_inverse_undoes_forward() -> None:
    forward, inverse = poses().forward, poses().inverse
    u, v = 0.7, -0.3
    x, y = forward[:, 0] * u + forward[:, 1] * v
    np.testing.assert_allclose(inverse[0] * x + inverse[1] * y, u + 1j * v, atol=1e-6)


def test_the_inverse_in_two_steps_is_the_inverse() -> None:
    by_column, by_row, spin = poses().unturned
    np.testing.assert_allclose([by_column * spin, by_row * spin], poses().inverse, atol=1e-6)


def test_rising_moves_away_from_the_ground_by_the_tilt_and_keeps_the_rest() -> None:
    where = poses()
    risen = where.risen(0.5)
    np.testing.assert_allclose(where.y - risen.y, [0.5 * 0.2 * 0.64, 0.0])
    np.testing.assert_allclose(risen.tilt, np.sqrt(where.tilt))
    assert risen.x is where.x
    assert where.risen(0.0) is where


def test_from_the_front_the_map_is_a_rotation() -> None:
    np.testing.assert_allclose(poses().forward[:, :, 1], np.eye(2))
    quarter = poses(tilt=1.0, spin=0.25, axis=0.7).forward[:, :, 0]
    np.testing.assert_allclose(quarter, [[0, -1], [1, 0]], atol=1e-3)


def test_tilt_shortens_along_the_axis_alone() -> None:
    # Foreshortened to 0.6 in the vertical direction (a quarter turn), nothing spun.
    down = poses(spin=0.0, axis=0.25, tilt=0.6).forward[:, :, 0]
    np.testing.assert_allclose(down, [[1.0, 0.0], [0.0, 0.6]], atol=1e-3)
    area = np.linalg.det(poses().forward[:, :, 0])
    np.testing.assert_allclose(area, 0.6)


def test_slant_and_centre() -> None:
    np.testing.assert_allclose(poses().slant, [0.8, 0.0])
    np.testing.assert_allclose(poses().centre, [[0.4, 0.5], [0.6, 0.5]])
    assert len(poses()) == 2
