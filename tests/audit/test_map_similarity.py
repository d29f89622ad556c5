"""Against SciPy's own correlations, and by hand where those are undefined."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from florascope.audit.map_similarity import Maps, Scores, correlation, gini, rank_correlation

Similarity = Callable[[Maps, Maps], Scores]


def maps(seed: int, levels: int = 1000) -> np.ndarray:
    """Three maps of 5 x 7 with few enough levels to tie."""
    return np.random.default_rng(seed).integers(-levels, levels, (3, 5, 7)).astype(np.float64)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_correlations_are_scipys(levels: int) -> None:
    first, second = maps(0, levels), maps(1, levels)
    pairs = [(a.ravel(), b.ravel()) for a, b in zip(first, second, strict=True)]
    pearson = [stats.pearsonr(a, b).statistic for a, b in pairs]
    spearman = [stats.spearmanr(a, b).statistic for a, b in pairs]
    assert correlation(first, second) == pytest.approx(pearson)
    assert rank_correlation(first, second) == pytest.approx(spearman)


def test_rank_correlation_sees_order_alone() -> None:
    first = maps(0)
    assert rank_correlation(first, np.exp(first / 500)) == pytest.approx(1.0)
    assert rank_correlation(first, -(first**3)) == pytest.approx(-1.0)
    assert correlation(first, -(first**3)).min() > -0.99


def test_correlation_ignores_scale_and_offset() -> None:
    first = maps(0)
    assert correlation(first, 3 * first + 7) == pytest.approx(1.0)
    assert correlation(first, -2 * first + 1) == pytest.approx(-1.0)


@pytest.mark.parametrize("similarity", [correlation, rank_correlation])
def test_a_constant_map_resembles_itself_alone(similarity: Similarity) -> None:
    flat, varied = np.full((3, 5, 7), 0.1), maps(0)
    assert list(similarity(flat, flat)) == [1, 1, 1]
    assert list(similarity(flat, flat + 1)) == [0, 0, 0]
    assert list(similarity(flat, varied)) == [0, 0, 0]
    assert list(similarity(varied, flat)) == [0, 0, 0]


def one_map(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64).reshape(1, 1, -1)


@pytest.mark.parametrize("n", [2, 10, 49])
def test_gini_of_one_pixel_is_one_less_a_share(n: int) -> None:
    values = np.zeros((1, 1, n))
    values[0, 0, n // 2] = -3.0
    assert gini(values) == pytest.approx([1 - 1 / n])


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_gini_of_an_even_map_is_zero(value: float) -> None:
    assert gini(np.full((2, 3, 4), value)) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("n", [2, 7, 100])
def test_gini_of_one_to_n(n: int) -> None:
    """sum k (n - k + 1/2) = n (n + 1) (2n + 1) / 12 gives G = (n - 1) / (3n)."""
    assert gini(one_map(list(range(1, n + 1)))) == pytest.approx([(n - 1) / (3 * n)])


def test_gini_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(0).normal(size=(1, 6, 9))
    size = np.abs(values.ravel())
    difference = np.abs(size[:, None] - size[None, :]).mean()
    assert gini(values) == pytest.approx([difference / (2 * size.mean())])
