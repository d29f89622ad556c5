"""Intervals against SciPy, the published examples and the limits."""

import math

import numpy as np
import pytest
from scipy import stats

from florascope.evaluation.intervals import (
    Interval,
    bootstrap,
    difference,
    wilson,
)


def test_difference_is_newcombes_published_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table II: 56/70 - 48/80, method 10.
    assert difference((56 / 70, 70), (48 / 80, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_difference_changes_sign_with_its_arguments() -> None:
    low, high = difference((0.9, 50), (0.7, 200))
    assert difference((0.7, 200), (0.9, 50)) == pytest.approx((-high, -low))


def skewed(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).exponential(size=n)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("n", [20, 105])
def test_ends_are_scipys_bca(n: int, seed: int) -> None:
    values = skewed(n, seed)
    ours = bootstrap(values, seed=seed, resamples=20_000)
    peer = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(seed + 9)
    ).confidence_interval
    width = peer.high - peer.low
    assert ours.mean == pytest.approx(values.mean())
    assert ours.low == pytest.approx(peer.low, abs=0.03 * width)
    assert ours.high == pytest.approx(peer.high, abs=0.03 * width)


def test_the_skew_moves_the_interval_beyond_plain_percentiles() -> None:
    """SciPy's percentile interval of the same values lies lower at both ends."""
    values = skewed(20, 0)
    ours = bootstrap(values, resamples=20_000)
    plain = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    assert ours.low > plain.confidence_interval.low
    assert ours.high > plain.confidence_interval.high


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    """Exponential values, mean 1: of 160 intervals over 60 values, about 0.95 hold it.

    0.89 is more than three standard errors below.
    """
    intervals = [bootstrap(skewed(60, seed), seed, 600) for seed in range(160)]
    covered = np.mean([i.low <= 1.0 <= i.high for i in intervals])
    assert 0.89 < covered < 0.99


def test_the_same_seed_gives_the_same_interval() -> None:
    values = skewed(30, 0)
    assert bootstrap(values, 5) == bootstrap(values, 5)
    assert bootstrap(values, 5) != bootstrap(values, 6)


def test_nan_is_left_out() -> None:
    values = skewed(30, 0)
    holed = np.insert(values, [0, 7, 30], np.nan)
    assert bootstrap(holed) == bootstrap(values)
    assert bootstrap(holed).n == 30


def test_equal_values_leave_no_doubt() -> None:
    assert bootstrap(np.full(9, 0.25)) == Interval(0.25, 0.25, 0.25, 9)


def test_one_extreme_value_among_many_gives_finite_ends() -> None:
    values = np.zeros(1000)
    values[3] = 1.0
    found = bootstrap(values, resamples=50)
    assert 0.0 <= found.low <= found.mean <= found.high <= 0.05


@pytest.mark.parametrize(("values", "mean"), [([], None), ([np.nan], None), ([0.5, np.nan], 0.5)])
def test_one_value_says_nothing_of_its_spread(values: list[float], mean: float | None) -> None:
    found = bootstrap(np.array(values, dtype=np.float64))
    n = 0 if mean is None else 1
    assert found.to_json() == {"mean": mean, "low": None, "high": None, "n": n}
    assert math.isnan(found.low)
    assert not found.low > 0


def test_it_reads_as_people_write_it() -> None:
    assert str(Interval(0.2134, 0.19, 0.2449, 105)) == "0.21 [0.19, 0.24]"
    assert str(Interval(0.5, math.nan, math.nan, 1)) == "0.50 [n = 1]"


def test_sixteen_hits_in_sixteen_are_not_certain() -> None:
    """By hand, at p = 1: low = 1 / (1 + z^2 / n), high = 1."""
    found = wilson(np.array([1.0] * 16 + [np.nan]))
    assert found.low == pytest.approx(1 / (1 + 1.959964**2 / 16))
    assert [found.mean, found.high, found.n] == pytest.approx([1.0, 1.0, 16])


def test_wilson_by_hand() -> None:
    """Wilson's own formula for 3 of 4: centre and half width over 1 + z^2 / n."""
    z2 = 1.959964**2
    centre, half = 0.75 + z2 / 8, math.sqrt(z2 * (0.75 * 0.25 / 4 + z2 / 64))
    found = wilson(np.array([1.0, 0.0, 1.0, 1.0]))
    assert found.low == pytest.approx((centre - half) / (1 + z2 / 4))
    assert found.high == pytest.approx((centre + half) / (1 + z2 / 4))


def test_no_hits_at_all_are_nothing() -> None:
    assert wilson(np.array([np.nan])).to_json() == {"mean": None, "low": None, "high": None, "n": 0}
