"""Accuracy with its interval, loss and confusions of a classifier on labelled photos."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np

from florascope.shapes import Float, Int64

Logits = Float[np.ndarray, "n k"]
Labels = Int64[np.ndarray, "n"]


Z = 1.959963984540054  # the normal distribution's 97.5 % point


class Bounds(NamedTuple):
    """Bounds of a 95 % interval."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies within the bounds."""
        return self.low <= value <= self.high


def wilson_share(share: float, n: int) -> Bounds:
    """Wilson's score interval (1927) for a share of n independent trials.

    centre = (p + z^2/2n) / (1 + z^2/n), half width = z / (1 + z^2/n) sqrt(p(1-p)/n + z^2/4n^2).
    Unlike the normal approximation it stays within [0, 1] and does not shrink to nothing at 0 or 1.

    Args:
        share: of successes, in [0, 1].
        n: trials; 0 gives [0, 1].
    """
    if n == 0:
        return Bounds(0.0, 1.0)
    shrink = 1.0 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Bounds(max(0.0, centre - half), min(1.0, centre + half))


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one subset.

    Attributes:
        n: photos measured.
        top1: share whose largest logit is the label's.
        top5: share whose label is among the five largest logits.
        mean_class: mean over the classes present of each class's top-1 (balanced accuracy).
        loss: mean cross-entropy in nats; a uniform guess scores ln K.
    """

    n: int
    top1: float
    top5: float
    mean_class: float
    loss: float

    @property
    def top1_interval(self) -> Bounds:
        """What top-1 may be on further photos like these, with 95 % certainty.

        It holds of photos that took no part: what trained is answered better than others.
        """
        return wilson_share(self.top1, self.n)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {**asdict(self), "top1_interval": list(self.top1_interval)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read figures back, those of earlier versions, too."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def cells(self, *, learned: bool = False) -> tuple[str, ...]:
        """Write the figures for a table with the columns of `COLUMNS`.

        Args:
            learned: leave the interval out, as of photos that trained.
        """
        top1, *others = (f"{100 * s:.2f} %" for s in (self.top1, self.top5, self.mean_class))
        low, high = (100 * bound for bound in self.top1_interval)
        between = "" if learned else f"{low:.1f} to {high:.1f} %"
        return (f"{self.n:,}", top1, between, *others, f"{self.loss:.4f}")


COLUMNS = ("photos", "top-1", "95 % interval", "top-5", "mean per class", "loss")


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """The figures of one class.

    Attributes:
        support: photos of the class.
        recall: share of them answered as the class; 0 where there are none.
        precision: share of the answers naming the class that are right; 0 where there are none.
        f1: harmonic mean of the two.
    """

    support: int
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of n photos: all that figures need, in a few bytes a photo.

    Attributes:
        labels: (n,).
        predicted: (n,) the class of the largest logit.
        rank: (n,) of the label among the logits, 1 is first. Ties are broken against the
            classifier: an all-equal row ranks its label last, so a dead network cannot score by
            the order of its classes. NaN counts as the larger, so that a diverged one cannot.
        loss: (n,) cross-entropy in nats.
    """

    labels: Labels
    predicted: Labels
    rank: Labels
    loss: Float[np.ndarray, "n"]

    @classmethod
    def of(cls, logits: Logits, labels: Labels) -> Self:
        """Judge some answers."""
        own = logits[np.arange(len(labels)), labels]
        rank = (~(logits < own[:, None])).sum(1)
        return cls(labels, logits.argmax(1), rank, log_sum_exp(logits) - own.astype(np.float64))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def metrics(self) -> Metrics:
        """Figures of all photos together."""
        right = self.rank == 1
        per_class = [right[self.labels == k].mean() for k in np.unique(self.labels)]
        return Metrics(
            n=len(self.labels),
            top1=float(right.mean()),
            top5=float((self.rank <= 5).mean()),
            mean_class=float(np.mean(per_class)),
            loss=float(self.loss.mean()),
        )

    def per_class(self, classes: int) -> list[ClassMetrics]:
        """Figures of each of K classes, in their order."""
        hits = self.labels[self.predicted == self.labels]
        counts = [np.bincount(c, minlength=classes) for c in (self.labels, self.predicted, hits)]
        return [_class_metrics(*row) for row in np.stack(counts, 1).tolist()]


def measure(logits: Logits, labels: Labels) -> Metrics:
    """Measure a subset; see `Outcome` for ties."""
    return Outcome.of(logits, labels).metrics()


def cross_entropy(logits: Logits, labels: Labels) -> float:
    """Mean of log(sum(exp(logits))) - logits[label], in nats."""
    own = logits[np.arange(len(labels)), labels].astype(np.float64)
    return float((log_sum_exp(logits) - own).mean())


def log_sum_exp(logits: Logits) -> Float[np.ndarray, "n"]:
    """Row-wise log(sum(exp)), in float64 and without overflow."""
    wide = logits.astype(np.float64)
    top = wide.max(1)
    with np.errstate(under="ignore"):  # what is too small for float64 is 0
        values: Float[np.ndarray, "n"] = top + np.log(np.exp(wide - top[:, None]).sum(1))
    return values


def softmax(logits: Logits) -> Logits:
    """Row-wise probabilities, in float64."""
    with np.errstate(under="ignore"):
        values: Logits = np.exp(logits.astype(np.float64) - log_sum_exp(logits)[:, None])
    return values


def per_class(logits: Logits, labels: Labels) -> list[ClassMetrics]:
    """Measure every class, in the order of the logits."""
    return Outcome.of(logits, labels).per_class(logits.shape[1])


def _class_metrics(support: int, answers: int, right: int) -> ClassMetrics:
    recall = right / support if support else 0.0
    precision = right / answers if answers else 0.0
    total = recall + precision
    return ClassMetrics(support, recall, precision, 2 * recall * precision / total if total else 0)


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
    """Return the most frequent errors of photos; see `confusions_of`."""
    return confusions_of(confusion_matrix(logits, labels), limit)


def confusions_of(matrix: Int64[np.ndarray, "k k"], limit: int = 10) -> list[Confusion]:
    """Return the most frequent errors, most first; ties by the larger share, then by class."""
    support = np.maximum(matrix.sum(1), 1)
    found = [
        Confusion(int(t), int(p), int(matrix[t, p]), float(matrix[t, p] / support[t]))
        for t, p in zip(*np.nonzero(matrix), strict=True)
        if t != p
    ]
    return sorted(found, key=lambda c: (-c.count, -c.share, c.true, c.predicted))[:limit]
