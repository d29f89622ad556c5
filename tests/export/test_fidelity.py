"""The cost of another form, computed by hand on two photos."""

import numpy as np
import pytest

from florascope.export.fidelity import correlation, fidelity
from florascope.runtime.observation import Observation

CROP = np.zeros((8, 8, 3), np.uint8)


def seen(logits: list[float], first: list[list[float]] | None = None) -> Observation:
    maps = None if first is None else np.array([first] * len(logits), np.float32)
    return Observation(CROP, np.array(logits, np.float32), maps, None)


def test_by_hand() -> None:
    """Photo 1 stays right and its map is scaled; photo 2 turns wrong and its map is turned over."""
    before = [seen([2, 1], [[1, 2], [3, 4]]), seen([0, 3], [[1, 2], [3, 4]])]
    after = [seen([2.5, 1], [[2, 4], [6, 8]]), seen([2, 1], [[4, 3], [2, 1]])]
    cost = fidelity(before, after, np.array([0, 1], dtype=np.int64))
    assert (cost.n, cost.top1_before, cost.top1_after, cost.agreement) == (2, 1.0, 0.5, 0.5)
    assert cost.logit_gap == 2
    assert cost.mean_logit_gap == pytest.approx((0.5 + 0 + 2 + 2) / 4)
    assert cost.map_correlation == pytest.approx(0)
    assert cost.least_map_correlation == pytest.approx(-1)


def test_the_same_form_costs_nothing() -> None:
    one = [seen([2, 1], [[1, 2], [3, 4]])]
    cost = fidelity(one, one, np.array([1], dtype=np.int64))
    assert (cost.top1_before, cost.agreement, cost.logit_gap) == (0.0, 1.0, 0.0)
    assert cost.map_correlation == pytest.approx(1)


def test_without_maps_there_is_no_correlation() -> None:
    cost = fidelity([seen([2, 1])], [seen([2, 1])], np.array([0], dtype=np.int64))
    assert cost.to_json()["map_correlation"] is None
    assert np.isnan(correlation(np.ones((2, 2)), np.eye(2)))
