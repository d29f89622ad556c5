"""How alike features are: to class means, and to those of other photos."""

import numpy as np

from florascope.errors import ExplanationError
from florascope.metrics import Labels
from florascope.shapes import Float, Float32, Float64, Int64

Features = Float[np.ndarray, "n c"]
Means = Float32[np.ndarray, "k c"]


def class_means(features: Features, labels: Labels, classes: int) -> Means:
    """Return each class's mean features, scaled to length 1, (K, c); zero for a class of none."""
    return _unit(plain_means(features, labels, classes)).astype(np.float32)


def plain_means(
    features: Features, labels: Labels, classes: int
) -> Float64[np.ndarray, "{classes} c"]:
    """Return each class's mean features, (K, c); zero for a class of none."""
    means = np.zeros((classes, features.shape[1]))
    for k in np.unique(labels):
        means[k] = features[labels == k].mean(0, dtype=np.float64)
    return means


def similarities(features: Features, means: Means) -> Float[np.ndarray, "n k"]:
    """Cosine of the angle between each photo's features and each class's mean, (n, K).

    Of the quantities that a bundle can carry, the largest of these told other things from flowers
    best: maximal logit, energy, feature norm and the distance after centring were all worse on
    photos of animals, food and tools (benchmarks/verdicts).
    """
    return _unit(features) @ means.T


def _unit(rows: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


Indexes = Int64[np.ndarray, "_"]


def nearest(
    features: Float[np.ndarray, "n c"], query: Float[np.ndarray, "c"], among: Indexes, count: int
) -> Indexes:
    """Return the photos whose features point most in the query's direction, nearest first.

    Alike means a large cosine: the length of pooled features says how much flower there is rather
    than which. Ties go to the photo that comes first.

    Args:
        features: pooled features f of n photos.
        query: those of the photo in question.
        among: indexes of the photos to choose from, such as a class's training photos.
        count: how many at most.

    Raises:
        ExplanationError: there are none to choose from.
    """
    if not len(among):
        raise ExplanationError("no photos to compare with", expected="at least one training photo")
    there = features[among]
    lengths = np.linalg.norm(there, axis=1) * np.linalg.norm(query)
    cosine = there @ query / np.maximum(lengths, 1e-12)
    ordered: Indexes = among[np.argsort(-cosine, kind="stable")[:count]]
    return ordered
