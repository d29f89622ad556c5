"""The nearest training photos."""

import numpy as np
import pytest

from florascope.errors import ExplanationError
from florascope.explanation.neighbours import nearest


def test_by_angle_not_by_length_within_the_choice() -> None:
    angles = np.radians([0, 10, 20, 80])
    features = np.stack([np.cos(angles), np.sin(angles)], 1) * [[1], [9], [1], [3]]
    found = nearest(features, np.array([0.0, 5.0]), np.array([3, 0, 1]), 2)
    assert found.tolist() == [3, 1]


def test_ties_go_to_the_first() -> None:
    found = nearest(np.ones((3, 2)), np.ones(2), np.array([2, 0, 1]), 3)
    assert found.tolist() == [2, 0, 1]


def test_no_photos() -> None:
    with pytest.raises(ExplanationError, match="no photos to compare with"):
        nearest(np.ones((3, 2)), np.ones(2), np.array([], np.int64), 3)
