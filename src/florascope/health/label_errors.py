"""Photos whose label is probably wrong, by confident learning on out-of-fold probabilities."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

Probabilities = Float[np.ndarray, "n k"]
Labels = Int64[np.ndarray, "n"]


@dataclass(frozen=True, slots=True)
class Suspect:
    """One photo that looks like another class than its label's.

    Attributes:
        index: of the photo.
        label: its class index.
        looks_like: the class index it is taken for.
        margin: probability of that class less the label's; the larger, the more suspicious.
    """

    index: int
    label: int
    looks_like: int
    margin: float


def confident_joint(probabilities: Probabilities, labels: Labels) -> Int64[np.ndarray, "k k"]:
    """Count photos by (label, class they confidently belong to).

    A photo counts for class j where p_j reaches t_j, the mean of p_j over the photos labelled j;
    of several such classes the most probable one (Northcutt, Jiang and Chuang, "Confident
    Learning", JAIR 2021, equation 1). Photos that reach none are not counted.

    Args:
        probabilities: (n, K), each row from a classifier that did not see the photo.
        labels: (n,).
    """
    classes = probabilities.shape[1]
    belongs, counted = _confident_class(probabilities, labels)
    flat = labels[counted] * classes + belongs[counted]
    joint: Int64[np.ndarray, "k k"] = np.bincount(flat, minlength=classes**2).reshape(
        classes, classes
    )
    return joint


def noise_rate(probabilities: Probabilities, labels: Labels) -> float:
    """Estimate the share of wrong labels: the joint's mass off its diagonal, row-calibrated.

    Rows are scaled to the number of photos with that label (the same paper, equation 3).
    """
    joint = confident_joint(probabilities, labels).astype(np.float64)
    counts = np.bincount(labels, minlength=len(joint))
    scaled = joint * (counts / np.maximum(joint.sum(1), 1))[:, None]
    total = scaled.sum()
    return float(1 - np.trace(scaled) / total) if total else 0.0


def suspects(probabilities: Probabilities, labels: Labels) -> list[Suspect]:
    """List the photos that confidently belong to another class, most suspicious first."""
    belongs, counted = _confident_class(probabilities, labels)
    rows, others = probabilities.tolist(), belongs.tolist()
    found = [
        Suspect(i, int(labels[i]), others[i], rows[i][others[i]] - rows[i][labels[i]])
        for i in np.flatnonzero(counted & (belongs != labels)).tolist()
    ]
    return sorted(found, key=lambda suspect: -suspect.margin)


def _confident_class(
    probabilities: Probabilities, labels: Labels
) -> tuple[Labels, Bool[np.ndarray, "n"]]:
    """The class each photo confidently belongs to, and whether there is one."""
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    thresholds = np.bincount(labels, weights=own, minlength=classes) / np.maximum(counts, 1)
    reached = (probabilities >= thresholds) & (counts > 0)
    best = np.where(reached, probabilities, -1.0).argmax(1).astype(np.int64)
    counted: Bool[np.ndarray, "n"] = reached.sum(1) > 0
    return best, counted
