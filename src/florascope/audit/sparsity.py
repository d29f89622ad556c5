"""How concentrated a map's evidence is."""

import numpy as np
from jaxtyping import Float64

from florascope.audit.similarity import Maps, Scores


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
