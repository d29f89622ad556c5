"""Against SciPy's own correlations, and by hand where those are undefined."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from florascope.audit.similarity import Maps, Scores, correlation, rank_correlation

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
