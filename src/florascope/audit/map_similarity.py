"""How alike two maps are, and how concentrated one is."""

import numpy as np
from jaxtyping import Bool, Float, Float64
from scipy.stats import rankdata

Maps = Float[np.ndarray, "n H W"]
Scores = Float64[np.ndarray, "n"]
Rows = Float64[np.ndarray, "n p"]


def correlation(first: Maps, second: Maps) -> Scores:
    """Pearson's correlation over the pixels of each pair of maps, (n,), in [-1, 1].

    Where it is undefined because a map is constant, equal maps score 1 and others 0: a map that
    ignores the network stays similar to itself, and one that died is similar to nothing.
    """
    one, two = _flat(first), _flat(second)
    return np.where(_vary(one, two), _pearson(one, two), _equal(one, two))


def rank_correlation(first: Maps, second: Maps) -> Scores:
    """Spearman's correlation: Pearson's of the pixels' ranks, ties sharing their mean rank.

    Constant maps are treated as in `correlation`.
    """
    one, two = _flat(first), _flat(second)
    ranked = _pearson(rankdata(one, axis=1), rankdata(two, axis=1))
    return np.where(_vary(one, two), ranked, _equal(one, two))


def _pearson(first: Rows, second: Rows) -> Scores:
    one, two = (values - values.mean(1, keepdims=True) for values in (first, second))
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosine: Scores = (one * two).sum(1) / np.where(size > 0, size, 1.0)
    return cosine.clip(-1.0, 1.0)


def _vary(first: Rows, second: Rows) -> Bool[np.ndarray, "n"]:
    """Whether neither row is constant (exactly: a constant's deviations may round to non-zero)."""
    varied: Bool[np.ndarray, "n"] = (np.ptp(first, axis=1) > 0) & (np.ptp(second, axis=1) > 0)
    return varied


def _equal(first: Rows, second: Rows) -> Scores:
    same: Scores = (first == second).all(1).astype(np.float64)
    return same


def _flat(maps: Maps) -> Rows:
    flat: Rows = maps.reshape(len(maps), -1).astype(np.float64)
    return flat


def gini(maps: Maps) -> Scores:
    """Gini index of the absolute evidence of each map, (n,).

    With the N absolute values sorted upwards, c(1) <= ... <= c(N),

        G = 1 - 2 sum_k c(k) / |c|_1 * (N - k + 1/2) / N

    (Hurley and Rickard 2009, Comparing measures of sparsity): 0 where all pixels weigh the same,
    1 - 1/N where one pixel holds everything. A map of zeros scores 0.
    """
    shares = np.sort(_shares(maps), axis=1)
    n = shares.shape[1]
    ranks = np.arange(1, n + 1)
    index: Scores = 1.0 - 2.0 * (shares * (n - ranks + 0.5)).sum(1) / n
    return index


def _shares(maps: Maps) -> Float64[np.ndarray, "n p"]:
    """Absolute values that sum to 1 in each map; a map of zeros is spread evenly."""
    size = np.abs(maps.reshape(len(maps), -1).astype(np.float64))
    total = size.sum(1, keepdims=True)
    even = np.full_like(size, 1.0 / size.shape[1])
    return np.where(total > 0, size / np.where(total > 0, total, 1.0), even)
