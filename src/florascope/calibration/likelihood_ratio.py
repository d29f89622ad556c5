"""Of a known class, or of one never shown? The likelihood ratio under Gaussian classes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from florascope.calibration.similarity import Features, plain_means
from florascope.metrics import Labels
from florascope.shapes import Float, Float32, Float64

RIDGE = 0.3
"""Added to the covariance within the classes, in mean variances of the directions that vary."""

WIDER = 3.0
"""How much further new photos scatter within a class than those that it was fitted to. Like RIDGE
chosen on species that are neither known nor those that are reported (benchmarks/open_world)."""

FEWEST = 10
"""Classes: how far classes lie apart cannot be told from fewer."""

NOTHING = 1e-12  # variance of features of length 1 that rounding alone leaves

Ratios = Float[np.ndarray, "n k"]
Terms = Float32[np.ndarray, "k d"]


@dataclass(frozen=True, eq=False)
class LikelihoodRatio:
    """log p(f | class k) - log p(f | a new class) for pooled features f of length 1.

    Class means are drawn from N(mu, B), photos from N(class mean, W); the mean of a known class is
    known as well as its photos tell, that of a new one not at all ("probabilistic linear
    discriminant analysis": Ioffe 2006, ECCV; Prince and Elder 2007, ICCV). In the d coordinates z
    in which W is the unit matrix and B is diagonal, the ratio is quadratic in z.

    Attributes:
        axes: (d, c); z = axes f / |f| + shift.
        shift: (d,).
        square: (K, d) factors of z^2.
        linear: (K, d) factors of z.
        constant: (K,).
    """

    axes: Float32[np.ndarray, "d c"]
    shift: Float32[np.ndarray, "d"]
    square: Terms
    linear: Terms
    constant: Float32[np.ndarray, "k"]

    @classmethod
    def fit(cls, features: Features, labels: Labels, classes: int) -> Self | None:
        """Fit to n photos' features; None where too few classes, or all photos alike, say nothing.

        Args:
            features: (n, c).
            labels: (n,) 0 to K - 1.
            classes: K.
        """
        counts = np.bincount(labels, minlength=classes)
        if (counts > 0).sum() < FEWEST or len(labels) <= classes:
            return None
        unit = _unit(features)
        middle = unit.mean(0, dtype=np.float64)
        means = np.where(counts[:, None] > 0, plain_means(unit, labels, classes), middle)
        residuals = unit - means.astype(np.float32)[labels]
        axes = _axes(residuals, means - middle)
        if axes is None:
            return None
        within = ((residuals @ axes.astype(np.float32)) ** 2).sum(0, dtype=np.float64)
        within /= len(labels) - classes
        return cls._of(axes, middle, (means - middle) @ axes, within, counts)

    @classmethod
    def _of(
        cls,
        axes: Float64[np.ndarray, "c d"],
        middle: Float64[np.ndarray, "c"],
        means: Float64[np.ndarray, "k d"],
        within: Float64[np.ndarray, "d"],
        counts: Labels,
    ) -> Self:
        """Write the two Gaussians' ratio as a polynomial."""
        between = np.maximum((means**2).mean(0) - within / counts.mean(), 1e-6)
        within = WIDER * within
        n = counts[:, None]
        known = means * n * between / (n * between + within)
        spread = within + between * within / (n * between + within)
        new = within + between
        square = 0.5 / new - 0.5 / spread
        constant = 0.5 * (np.log(new) - np.log(spread) - known**2 / spread).sum(1)
        parts = (axes.T, -middle @ axes, square, known / spread, constant)
        return cls(*(np.ascontiguousarray(part, np.float32) for part in parts))

    def __call__(self, features: Features) -> Ratios:
        """Return the log-likelihood ratio of each photo and class, (n, K)."""
        z = _unit(features) @ self.axes.T + self.shift
        ratios: Ratios = z**2 @ self.square.T + z @ self.linear.T + self.constant
        return ratios


def _axes(
    residuals: Float32[np.ndarray, "n c"], means: Float64[np.ndarray, "k c"]
) -> Float64[np.ndarray, "c d"] | None:
    """Return U with U' W U = I and U' B U diagonal (Fisher's discriminants), d < K."""
    width = residuals.shape[1]
    covariance = (residuals.T @ residuals).astype(np.float64) / len(residuals)
    mean = np.trace(covariance) / min(width, len(residuals) - len(means))
    if not mean > NOTHING:
        return None
    factor = cho_factor(covariance + RIDGE * mean * np.eye(width))
    solved = cho_solve(factor, means.T)
    values, vectors = np.linalg.eigh(means @ solved / len(means))
    kept = values > 1e-6 * values[-1]
    axes: Float64[np.ndarray, "c d"] = solved @ vectors[:, kept]
    return axes / np.sqrt(values[kept] * len(means))


def _unit(rows: Features) -> Float32[np.ndarray, "n c"]:
    short = rows.astype(np.float32)
    lengths = np.sqrt(np.einsum("nc,nc->n", short, short))[:, None]
    return short / np.where(lengths > 0, lengths, 1)
