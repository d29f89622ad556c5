"""Explanation by examples: the training photos that the network sees as most alike."""

import numpy as np

from florascope.errors import ExplanationError
from florascope.shapes import Float, Int64

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
