"""Probabilities that mean what they say: one temperature for all logits."""

import numpy as np

from florascope.metrics import Labels, Logits, cross_entropy
from florascope.shapes import Float

COLDEST, HOTTEST = 0.05, 20.0
STEPS = 60  # the golden section then pins ln T down to 1e-11
GOLDEN = (5**0.5 - 1) / 2
PRIOR = 4.0
"""How much evidence holds T at 1, chosen on draws of few photos (benchmarks/calibration)."""


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the T in [0.05, 20] that is most probable after these photos.

    Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") with a prior:
    with b = 1/T, it minimises the summed cross-entropy of softmax(b logits) and

        PRIOR (b - 1 - ln b),

    the negative logarithm of a Gamma density with its mode at 1: about a normal one of ln T with a
    standard deviation of 1 / sqrt(PRIOR). Without it, T runs to its bound where every photo is
    right, as it may well be with few. Both parts are convex in b, so in ln T there is one minimum,
    and golden-section search finds it.
    """

    def loss(log_t: float) -> float:
        b = np.exp(-log_t)
        prior = PRIOR * (b - 1 + log_t)
        return float(cross_entropy(logits * np.float64(b), labels) + prior / len(labels))

    low, high = np.log(COLDEST), np.log(HOTTEST)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def calibration_error(
    probabilities: Float[np.ndarray, "n k"], labels: Labels, bins: int = 15
) -> float:
    """Expected calibration error: how far confidence and accuracy are apart.

    Photos fall into equal bins (lower end exclusive) by the probability of their answer;
    ECE = sum of |accuracy - mean probability| over the bins, each weighted by its share of the
    photos (Naeini et al. 2015; 15 bins as in Guo et al. 2017).
    """
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == labels
    places = np.ceil(confidence * bins).astype(np.int64)
    gaps = np.bincount(places, right - confidence)
    return float(np.abs(gaps).sum() / len(labels))
