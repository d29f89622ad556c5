"""Scores that tell known from strange, larger for what is known: the usual ones, and ours."""

import numpy as np
from protocol import Answers, Indexes, Score, Scores, World
from scipy.linalg import eigh
from scipy.special import logsumexp

from florascope.calibration.similarity import similarities
from florascope.shapes import Float64

NEIGHBOUR = 5  # Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors"
PRINCIPAL = 512  # dimensions that ViM calls principal (Wang et al. 2022), of 1280
OURS = "familiarity (ours)"
SHRINKAGE = 0.3  # of covariances, in mean variances


def scores(answers: Answers, world: World) -> dict[str, Score]:
    """Return every score of a photo's index."""
    features, logits = answers.features.astype(np.float64), answers.logits.astype(np.float64)
    figures, means, ratio = answers.calibrated
    usual = {
        "softmax (Hendrycks and Gimpel 2017)": _margin(logits),
        "largest logit (Hendrycks et al. 2022)": logits.max(1),
        "energy (Liu et al. 2020)": logsumexp(logits, axis=1),
        "cosine to class means (florascope 0.2)": similarities(features, means).max(1),
        **_of_features(features, logits, world),
    }
    found = {name: _indexed(values) for name, values in usual.items()}
    if ratio is not None and figures.familiarity is not None:
        largest = ratio(features).max(1)
        found["likelihood ratio"] = _indexed(largest)
        learned = figures.familiarity
        found[OURS] = _indexed(learned.ratio * largest + learned.logit * logits.max(1))
        if answers.mirrored is not None:
            ratios = (ratio(features) + ratio(answers.mirrored[0])).max(1) / 2
            best = (logits + answers.mirrored[1]).max(1) / 2
            found["with the mirror image"] = _indexed(learned.ratio * ratios + learned.logit * best)
    return found


def _indexed(values: Scores) -> Score:
    def score(photos: Indexes) -> Scores:
        return values[photos]

    return score


def _margin(logits: Float64[np.ndarray, "n k"]) -> Scores:
    """Log-odds of the largest softmax probability, which does not round to 1."""
    ordered = np.sort(logits, axis=1)
    return ordered[:, -1] - logsumexp(ordered[:, :-1], axis=1)


def _of_features(
    features: Float64[np.ndarray, "n c"], logits: Float64[np.ndarray, "n k"], world: World
) -> dict[str, Scores]:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    train, labels = unit[world.split.train], world.labels[world.split.train]
    means = np.stack([train[labels == k].mean(0) for k in range(world.classes)])
    middle = train.mean(0)
    white = (unit - middle) @ _whitening(train - means[labels])
    near = np.stack([white[world.split.train][labels == k].mean(0) for k in range(world.classes)])
    distances = (white**2).sum(1)[:, None] - 2 * white @ near.T + (near**2).sum(1)
    whole = (((unit - middle) @ _whitening(train - middle)) ** 2).sum(1)
    direction = white / np.linalg.norm(white, axis=1, keepdims=True)
    towards = near / np.linalg.norm(near, axis=1, keepdims=True)
    alike = np.partition(unit @ train.T, -NEIGHBOUR, axis=1)
    return {
        "whitened cosine": (direction @ towards.T).max(1),
        "nearest neighbours (Sun et al. 2022)": alike[:, -NEIGHBOUR],
        "Mahalanobis (Lee et al. 2018)": -distances.min(1),
        "relative Mahalanobis (Ren et al. 2021)": -distances.min(1) + whole,
        "ViM (Wang et al. 2022)": _vim(features, logits, world),
    }


def _whitening(residuals: Float64[np.ndarray, "n c"]) -> Float64[np.ndarray, "c c"]:
    covariance = residuals.T @ residuals / len(residuals)
    covariance += SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = eigh(covariance)
    return vectors / np.sqrt(values)


def _vim(
    features: Float64[np.ndarray, "n c"], logits: Float64[np.ndarray, "n k"], world: World
) -> Scores:
    train = world.split.train
    centred = features - features[train].mean(0)
    _, vectors = eigh(centred[train].T @ centred[train])
    residual = np.linalg.norm(centred @ vectors[:, :-PRINCIPAL], axis=1)
    scale = logits[train].max(1).mean() / residual[train].mean()
    return logsumexp(logits, axis=1) - scale * residual
