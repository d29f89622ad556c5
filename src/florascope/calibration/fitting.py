"""Fitting the figures that verdicts rest on, however few photos there are."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from florascope.calibration.calibration import (
    DOUBTED,
    DOUBTED_TOO,
    FEW,
    LEVEL,
    LOGITS,
    PRIOR,
    REFUSED,
    REFUSED_TOO,
    UNFAMILIAR,
    Calibrated,
    Calibration,
    Familiarity,
)
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.likelihood_ratio import LikelihoodRatio, Ratios
from florascope.calibration.pooling import fit_exponent
from florascope.calibration.similarity import Features, class_means, similarities
from florascope.data.dataset import Split
from florascope.metrics import Labels, Logits, cross_entropy, softmax
from florascope.shapes import Float

COLDEST, HOTTEST = 0.05, 20.0
STEPS = 60  # the golden section then pins ln T down to 1e-11
GOLDEN = (5**0.5 - 1) / 2


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


LOWEST = -1.0  # below every cosine and every probability


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Photos as a head answered them that was fitted without them.

    Attributes:
        logits: (n, K).
        alike: (n,) largest similarity of each photo to a class mean that is not of itself.
        labels: (n,).
        folds: see `Calibration`.
        ratios: (n, K) see `LikelihoodRatio`, fitted without these photos too; None without one.
    """

    logits: Logits
    alike: Float[np.ndarray, "n"]
    labels: Labels
    folds: int = 0
    ratios: Ratios | None = None


def calibrate(
    features: Features,
    logits: Logits,
    labels: Labels,
    split: Split,
    cross_fitted: HeldOut | None = None,
) -> Calibrated:
    """Fit everything that a verdict needs: class means on train, the rest on held-out photos.

    Args:
        features: (n, c) pooled features of all photos.
        logits: (n, K) of all photos.
        labels: (n,).
        split: which photos trained and which were held out. Test photos are not looked at.
        cross_fitted: photos of train and val out of fold, where the validation photos are few.
    """
    train, val = split.train, split.val
    means = class_means(features[train], labels[train], logits.shape[1])
    ratio = LikelihoodRatio.fit(features[train], labels[train], logits.shape[1])
    if cross_fitted is None:
        alike = similarities(features[val], means).max(1)
        ratios = None if ratio is None else ratio(features[val])
        cross_fitted = HeldOut(logits[val], alike, labels[val], ratios=ratios)
    figures = fit_figures(cross_fitted)
    return Calibrated(figures, means, ratio if figures.familiarity else None)


def fit_figures(held_out: HeldOut) -> Calibration:
    """Fit the figures to held-out photos."""
    logits, labels = held_out.logits, held_out.labels
    temperature = fit_temperature(logits, labels)
    before, after = softmax(logits), softmax(logits / temperature)
    familiarity = _familiarity(held_out)
    return Calibration(
        photos=len(labels),
        temperature=temperature,
        ece_before=calibration_error(before, labels),
        ece_after=calibration_error(after, labels),
        level=LEVEL,
        thresholds=tuple(balanced_thresholds(after, labels, LEVEL).tolist()),
        alike=lower_quantile(held_out.alike, REFUSED_TOO if familiarity else REFUSED),
        sure=lower_quantile(after.max(1), DOUBTED_TOO if familiarity else DOUBTED),
        folds=held_out.folds,
        pooling=fit_exponent(logits, labels, temperature),
        familiarity=familiarity,
    )


def _familiarity(held_out: HeldOut) -> Familiarity | None:
    """Weigh the two scores, and ask for what all but UNFAMILIAR of the known photos have."""
    if held_out.ratios is None or len(held_out.labels) < FEW:
        return None
    ratios, logits = held_out.ratios.max(1), held_out.logits.max(1)
    ratio, logit = 1 / _deviation(ratios), LOGITS / _deviation(logits)
    offset = -(ratio * float(ratios.mean()) + logit * float(logits.mean()))
    scores = ratio * ratios + logit * logits + offset
    return Familiarity(ratio, logit, offset, lower_quantile(scores, UNFAMILIAR))


def _deviation(values: Float[np.ndarray, "n"]) -> float:
    return float(values.std()) or 1.0


def lower_quantile(values: Float[np.ndarray, "n"], share: float) -> float:
    """Return the value below which a new one falls with a probability of at most `share`.

    It is the k-th smallest, k = floor(share (n + 1)): a new value, exchangeable with these, falls
    below it with probability at most k / (n + 1). Where n is too small for any (k = 0), it is a
    normal sample's prediction bound, mean + t(share, n - 1) s sqrt(1 + 1/n) with Student's t (Hahn
    and Meeker 1991, Statistical Intervals, 4.8), yet no more than the smallest value; of a single
    value, -1: nothing that this is asked of is lower.
    """
    n = len(values)
    if k := math.floor(share * (n + 1)):
        return float(np.sort(values)[k - 1])
    if n == 1:
        return LOWEST
    quantile = float(stdtrit(n - 1, share)) * math.sqrt(1 + 1 / n)
    return float(min(values.min(), values.mean() + quantile * values.std(ddof=1)))
