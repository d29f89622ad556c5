"""Intervals against SciPy, the published examples and the limits."""

import pytest
from scipy.stats import binomtest

from florascope.report.interval import Interval, difference, wilson


@pytest.mark.parametrize(("right", "n"), [(0, 10), (43, 819), (7, 10), (772, 819), (10, 10)])
def test_wilson_is_scipys(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert wilson(0.5, 0) == (0.0, 1.0)


def test_difference_is_newcombes_published_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table II: 56/70 - 48/80, method 10.
    assert difference((56 / 70, 70), (48 / 80, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_difference_changes_sign_with_its_arguments() -> None:
    low, high = difference((0.9, 50), (0.7, 200))
    assert difference((0.7, 200), (0.9, 50)) == pytest.approx((-high, -low))


def test_an_interval_holds_its_bounds_and_what_lies_between() -> None:
    interval = Interval(0.2, 0.4)
    held = [v for v in (0.19, 0.2, 0.3, 0.4, 0.41) if interval.holds(v)]
    assert held == [0.2, 0.3, 0.4]
