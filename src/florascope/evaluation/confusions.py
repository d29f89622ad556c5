"""Which classes are taken for which."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64


@dataclass(frozen=True, slots=True)
class Confusion:
    """Photos of one class answered as another.

    Attributes:
        true: index of the photos' class.
        predicted: index of the class they were answered as.
        count: how many.
        share: of the true class's photos.
    """

    true: int
    predicted: int
    count: int
    share: float


def confusion_matrix(
    logits: Float[np.ndarray, "n k"], labels: Int64[np.ndarray, "n"]
) -> Int64[np.ndarray, "k k"]:
    """Count photos by (true class, predicted class)."""
    classes = logits.shape[1]
    flat = np.bincount(labels * classes + logits.argmax(1), minlength=classes**2)
    matrix: Int64[np.ndarray, "k k"] = flat.reshape(classes, classes).astype(np.int64)
    return matrix


def most_confused(
    logits: Float[np.ndarray, "n k"], labels: Int64[np.ndarray, "n"], limit: int = 10
) -> list[Confusion]:
    """Return the most frequent errors, most first; ties by the larger share, then by class."""
    matrix = confusion_matrix(logits, labels)
    support = np.maximum(matrix.sum(1), 1)
    found = [
        Confusion(int(t), int(p), int(matrix[t, p]), float(matrix[t, p] / support[t]))
        for t, p in zip(*np.nonzero(matrix), strict=True)
        if t != p
    ]
    return sorted(found, key=lambda c: (-c.count, -c.share, c.true, c.predicted))[:limit]
