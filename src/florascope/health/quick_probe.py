"""What cached features say of photos: a classifier in closed form, and the labels it doubts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from florascope.calibration.similarity import plain_means
from florascope.data.splits import deal_folds
from florascope.metrics import softmax

FOLDS = 5
SHRINKAGE = 0.3  # of the covariance towards a sphere: there are often fewer photos than channels
TEMPERATURES = np.geomspace(1, 64, 13)

Labels = Int64[np.ndarray, "n"]
Features = Float[np.ndarray, "n c"]
Scores = Float[np.ndarray, "n k"]


@runtime_checkable
class Sample(Protocol):
    """Features with labels."""

    @property
    def labels(self) -> Labels:
        """(n,)."""
        ...

    @property
    def features(self) -> Features:
        """(n, c)."""
        ...


@dataclass(frozen=True, eq=False)
class Discriminant:
    """Linear discriminant analysis with a shrunk covariance: scores = f weight + bias.

    Under Gaussian classes with means mu_k and one covariance S, the score of class k is
    mu_k S^-1 f - mu_k S^-1 mu_k / 2 up to what all classes share (Hastie et al., The Elements of
    Statistical Learning, 4.3; equal priors). S is shrunk to (1 - a) S + a tr(S)/c I.

    Attributes:
        weight: (c, K).
        bias: (K,); -inf for a class without photos.
    """

    weight: Float[np.ndarray, "c k"]
    bias: Float[np.ndarray, " k"]

    @classmethod
    def fit(cls, features: Features, labels: Labels, classes: int) -> Self:
        """Fit in one linear solve."""
        means, residuals = _centred(features, labels, classes)
        if len(residuals) >= residuals.shape[1]:
            return cls.of_moments(means, Moments.of(residuals, labels, classes))
        return cls._of(means, _solve(residuals, means.T), np.bincount(labels, minlength=classes))

    @classmethod
    def of_moments(cls, origins: Float32[np.ndarray, "k c"], moments: "Moments") -> Self:
        """Fit to photos' distances from some point of each class.

        Args:
            origins: (K, c), those points.
            moments: of the distances.
        """
        n, c = moments.counts.sum(), origins.shape[1]
        shifts = moments.sums / np.maximum(moments.counts, 1).astype(np.float32)[:, None]
        scatter = moments.squares - moments.sums.T @ shifts
        sphere = SHRINKAGE * float(np.trace(scatter)) / (n * c) + FLOOR
        covariance = (1 - SHRINKAGE) / np.float32(n) * scatter
        covariance[np.diag_indices(c)] += sphere
        means = origins + shifts
        return cls._of(means, np.linalg.solve(covariance, means.T), moments.counts)

    @classmethod
    def _of(
        cls,
        means: Float32[np.ndarray, "k c"],
        weight: Float32[np.ndarray, "c k"],
        counts: Int64[np.ndarray, " k"],
    ) -> Self:
        bias = -0.5 * (means.T * weight).sum(0)
        return cls(weight, np.where(counts > 0, bias, -np.inf))

    def __call__(self, features: Features) -> Scores:
        """Scores of photos, (n, K)."""
        scores: Scores = features.astype(np.float32) @ self.weight + self.bias
        return scores


FLOOR = 1e-8  # of the variance: photos may all be alike


class Moments(NamedTuple):
    """Sums over photos that can be taken off again, class by class.

    Attributes:
        counts: (K,) photos.
        sums: (K, c) of each class's vectors.
        squares: (c, c), sum of all vectors' outer squares.
    """

    counts: Int64[np.ndarray, " k"]
    sums: Float32[np.ndarray, "k c"]
    squares: Float32[np.ndarray, "c c"]

    @classmethod
    def of(cls, vectors: Float32[np.ndarray, "n c"], labels: Labels, classes: int) -> Self:
        """Sum over some photos."""
        counts = np.bincount(labels, minlength=classes)
        sums = (plain_means(vectors, labels, classes) * counts[:, None]).astype(np.float32)
        return cls(counts, sums, vectors.T @ vectors)

    def without(self, part: Self) -> Self:
        """Take some of the photos off."""
        return type(self)(*(whole - gone for whole, gone in zip(self, part, strict=True)))


def _centred(
    features: Features, labels: Labels, classes: int
) -> tuple[Float32[np.ndarray, "k c"], Float32[np.ndarray, "n c"]]:
    """Return each class's mean, and what is left of its photos' features without it."""
    wide = features.astype(np.float32)
    means = plain_means(wide, labels, classes).astype(np.float32)
    return means, wide - means[labels]


def _solve(
    residuals: Float[np.ndarray, "n c"], means: Float[np.ndarray, "c k"]
) -> Float[np.ndarray, "c k"]:
    """S^-1 means for the shrunk covariance S of fewer residuals than channels.

    By Woodbury's identity in the photos' space:
    (t I + r R^T R)^-1 = (I - R^T (t/r I + R R^T)^-1 R) / t.
    """
    sphere = SHRINKAGE * float(residuals.var()) + FLOOR
    gram = residuals @ residuals.T
    gram[np.diag_indices(len(gram))] += sphere * len(gram) / (1 - SHRINKAGE)
    return (means - residuals.T @ np.linalg.solve(gram, residuals @ means)) / sphere


def out_of_fold(features: Features, labels: Labels, classes: int) -> Scores:
    """Probabilities of each photo from a probe that did not see it, (n, K), well tempered.

    Folds deal out each class evenly; the temperature is the one of TEMPERATURES whose out-of-fold
    loss is lowest (Guo et al. 2017).
    """
    fold = deal_folds(labels, FOLDS)
    scores = np.empty((len(labels), classes))
    for number, fitted in enumerate(_without_each(fold, features, labels, classes)):
        scores[fold == number] = fitted(features[fold == number])
    scores = np.maximum(scores, scores[np.isfinite(scores)].min() - 1)  # classes missing in a fold
    return softmax(scores / _temperature(scores, labels))


def _without_each(
    fold: Labels, features: Features, labels: Labels, classes: int
) -> Iterator[Discriminant]:
    """Fit to all folds but one, in turn; of many photos, by taking the one's sums off those of all.

    Vectors are counted from the class's mean over all folds: what is taken off stays small.
    """
    n, c = features.shape
    if n - -(-n // FOLDS) < c:
        for number in range(FOLDS):
            rest = fold != number
            yield Discriminant.fit(features[rest], labels[rest], classes)
        return
    means, residuals = _centred(features, labels, classes)
    parts = [
        Moments.of(residuals[fold == number], labels[fold == number], classes)
        for number in range(FOLDS)
    ]
    whole = Moments(*(np.sum(sums, axis=0) for sums in zip(*parts, strict=True)))
    for part in parts:
        yield Discriminant.of_moments(means, whole.without(part))


def _temperature(scores: Scores, labels: Labels) -> float:
    rows = np.arange(len(labels))
    losses = [
        -np.log(softmax(scores / t)[rows, labels] + 1e-12).mean() for t in TEMPERATURES.tolist()
    ]
    return float(TEMPERATURES[int(np.argmin(losses))])


@dataclass(frozen=True, eq=False)
class QuickProbe:
    """What features are worth.

    Attributes:
        train: features and labels.
        val: features and labels.
        classes: K.
        answers: (n,) of the probe on val.
    """

    train: Sample
    val: Sample
    classes: int
    answers: Labels

    @classmethod
    def fit(cls, train: Sample, val: Sample, classes: int) -> "QuickProbe | None":
        """Fit on train; None where labels or features cannot be used."""
        usable = all(
            len(s.labels) >= 2 * FOLDS
            and s.labels.min() >= 0
            and s.labels.max() < classes
            and bool(np.isfinite(s.features).all())
            for s in (train, val)
        )
        if not usable or len(np.unique(train.labels)) < 2:
            return None
        scores = Discriminant.fit(train.features, train.labels, classes)(val.features)
        return cls(train, val, classes, scores.argmax(1).astype(np.int64))

    @property
    def val_top1(self) -> float:
        """Share of val photos answered right."""
        return float((self.answers == self.val.labels).mean())

    @cached_property
    def train_probabilities(self) -> Scores:
        """Of the train photos, out of fold, (n, K)."""
        return out_of_fold(self.train.features, self.train.labels, self.classes)

    @cached_property
    def train_top1(self) -> float:
        """Share of train photos answered right by a probe of the other train photos."""
        return float((self.train_probabilities.argmax(1) == self.train.labels).mean())

    @cached_property
    def own_val_top1(self) -> float:
        """Share of val photos answered right by a probe of the other val photos."""
        probabilities = out_of_fold(self.val.features, self.val.labels, self.classes)
        return float((probabilities.argmax(1) == self.val.labels).mean())


Probabilities = Float[np.ndarray, "n k"]


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
