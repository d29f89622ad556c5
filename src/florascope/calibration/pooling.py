"""Several photos of one thing: how far their logits may be added up."""

from dataclasses import dataclass

import numpy as np

from florascope.metrics import Labels, Logits, cross_entropy
from florascope.shapes import Bool, Float, Int64

SIZES = (2, 3, 5)  # photos of a group that the exponent is fitted to
STEPS = 20  # between the exponents that are tried
PRIOR = 1.0
"""How much evidence, in photos' nats, holds the exponent at 0, where groups add no confidence."""


def pooled(logits: Logits, exponent: float) -> Float[np.ndarray, "k"]:
    """Return the logits of n photos together, (K,): n^s times their mean.

    With s = 0 that is the mean of logits, as sure as one photo; with s = 1 their sum, whose softmax
    is the product of the photos' probabilities, which would be right were they independent given
    the class (Hinton 2002, "products of experts"). Views of one plant share light, place and
    growth, so s lies between: n photos count as n^s independent ones, and the group's temperature
    is T / n^s.

    Args:
        logits: (n, K) of the photos.
        exponent: s, 0 to 1.
    """
    return len(logits) ** exponent * logits.mean(0, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of n photos of one class.

    Attributes:
        members: (g, n) indexes of photos.
        labels: (g,) the class of each group.
    """

    members: Int64[np.ndarray, "g n"]
    labels: Int64[np.ndarray, "g"]


def alike_groups(logits: Logits, labels: Labels, size: int) -> Groups:
    """Put each photo together with those of its class that the network sees as most like it.

    They are the nearest that held-out photos come to views of one plant: photos drawn at random
    from a class err less alike than those do, and would promise too much.

    Args:
        logits: (n, K); photos are alike whose logits, less their mean, point the same way.
        labels: (n,) classes.
        size: photos a group; classes of fewer have none.
    """
    centred = logits - logits.mean(1, keepdims=True)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    found = np.concatenate([_nearest(unit, labels == k, size) for k in np.unique(labels)])
    return Groups(found, labels[found[:, 0]])


def _nearest(
    unit: Float[np.ndarray, "n k"], own: Bool[np.ndarray, "n"], size: int
) -> Int64[np.ndarray, "_ size"]:
    """Return each photo of a class, itself first, with the size - 1 most like it."""
    at = np.flatnonzero(own)
    if len(at) < size:
        return np.empty((0, size), np.int64)
    alike = unit[at] @ unit[at].T
    np.fill_diagonal(alike, np.inf)
    nearest: Int64[np.ndarray, "_ size"] = at[np.argsort(-alike, axis=1, kind="stable")[:, :size]]
    return nearest


def fit_exponent(logits: Logits, labels: Labels, temperature: float) -> float:
    """Return the exponent s in [0, 1] that is most probable after these photos' groups.

    It minimises the summed cross-entropy of softmax(n^s mean / T) over groups of each of SIZES,
    each group counting 1/n since each photo is in about n of them, and PRIOR * s: an exponential
    density with its mode at 0, so that few photos promise nothing.

    Args:
        logits: (n, K) of held-out photos.
        labels: (n,).
        temperature: T of single photos.
    """
    groups = [alike_groups(logits, labels, size) for size in SIZES]
    means = [logits[g.members].mean(1, dtype=np.float64) / temperature for g in groups]

    def loss(s: float) -> float:
        parts = (
            len(mean) / size * cross_entropy(size**s * mean, g.labels)
            for size, mean, g in zip(SIZES, means, groups, strict=True)
            if len(mean)
        )
        return sum(parts) + PRIOR * s

    return min((k / STEPS for k in range(STEPS + 1)), key=loss)
