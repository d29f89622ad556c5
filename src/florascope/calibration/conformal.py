"""Prediction sets that hold the true class with a promised probability, for rare classes too."""

import numpy as np

from florascope.metrics import Labels
from florascope.shapes import Bool, Float, Float64

Probabilities = Float[np.ndarray, "n k"]
Thresholds = Float64[np.ndarray, "k"]
Sets = Bool[np.ndarray, "n k"]


def balanced_thresholds(probabilities: Probabilities, labels: Labels, level: float) -> Thresholds:
    """Return the largest score with which each class still belongs to a photo's set.

    The score of class y is s = 1 - p_y (the least ambiguous sets: Sadinle, Lei and Wasserman 2019).
    Calibration photo i weighs w_i = 1 / n(y_i), n being its class's calibration photos, as if all
    classes were equally frequent; the threshold of class y is the smallest q with

        sum of w_i over s_i <= q  >=  level * (sum of all w_i + 1 / n(y)),

    which is split conformal prediction under a shift of the labels to equal frequency (Tibshirani
    et al. 2019; Podkopaev and Ramdas 2021). So the coverage averaged over the classes is at least
    `level`, up to the error of n / N as an estimate of a class's frequency. A quantile of each
    class's own scores would promise more, but with fewer than 9 photos it is infinite at 0.9: every
    set would hold every class (Ding et al. 2023 fall back to the common threshold for such classes,
    as here).

    Args:
        probabilities: (n, K) of held-out photos, calibrated.
        labels: (n,) their classes.
        level: coverage to promise, 0 < level < 1.

    Returns:
        (K,) thresholds; 1, which every class meets, where the photos are too few for a promise. A
        class without photos counts as having one.
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    weights = 1.0 / np.maximum(counts, 1)
    scores = 1.0 - probabilities[np.arange(len(labels)), labels].astype(np.float64)
    order = np.argsort(scores, kind="stable")
    covered = np.cumsum(weights[labels[order]])
    wanted = level * (covered[-1] + weights)
    places = np.searchsorted(covered, wanted - 1e-9)  # rounding must not ask for one photo more
    thresholds: Thresholds = np.append(scores[order], 1.0)[places]
    return thresholds


def prediction_sets(probabilities: Probabilities, thresholds: Thresholds) -> Sets:
    """Return the classes of each photo's set, (n, K): those whose 1 - p is within the threshold.

    The most probable class is always among them: a set is never empty, which only adds coverage.
    """
    sets: Sets = 1.0 - probabilities <= thresholds
    sets[np.arange(len(sets)), probabilities.argmax(1)] = True
    return sets


def class_coverage(sets: Sets, labels: Labels) -> Float64[np.ndarray, "k"]:
    """Share of each class's photos whose set holds the class, (K,); NaN where there are none."""
    classes = sets.shape[1]
    held = np.bincount(labels, sets[np.arange(len(labels)), labels], classes)
    counts = np.bincount(labels, minlength=classes)
    coverage: Float64[np.ndarray, "k"] = np.where(counts > 0, held / np.maximum(counts, 1), np.nan)
    return coverage
