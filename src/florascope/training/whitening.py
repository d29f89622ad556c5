"""Coordinates in which photos of one class scatter alike in all directions."""

from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.linalg import cholesky, solve_triangular

from florascope.training.head import Features, Samples


@dataclass(frozen=True)
class Whitening:
    """z = (f - centre) basis, a change of coordinates that folds into a head afterwards.

    Within-class covariance normalisation (Hatch, Kajarekar & Stolcke 2006): directions in which
    photos of one class differ among themselves shrink, so that a penalty on the weights asks a
    head to tell classes apart by what their photos share. It conditions the fit, too.

    Attributes:
        centre: (c,), the mean feature.
        basis: (c, c), S^(-1/2) up to a rotation and one factor, with S = C + ridge tr(C)/c I and
            C the covariance about each class's own mean.
    """

    centre: Float32[Tensor, " c"]
    basis: Float32[Tensor, "c c"]

    @classmethod
    def of(cls, samples: Samples, ridge: float) -> Self:
        """Measure some samples; their coordinates get a root mean square of 1.

        Where photos of one class do not differ (one photo each), no direction shrinks.
        """
        centre = samples.features.mean(0)
        basis = _inverse_root(_within(samples), ridge)
        spread = ((samples.features - centre) @ basis).square().mean().sqrt().item()
        return cls(centre, basis / (spread or 1.0))

    def __call__(self, features: Features) -> Features:
        """Change coordinates, (n, c)."""
        return (features - self.centre) @ self.basis

    def fold(
        self, weight: Float32[Tensor, "k c"], bias: Float32[Tensor, " k"]
    ) -> tuple[Float32[Tensor, "k c"], Float32[Tensor, " k"]]:
        """Return the head that does on f what (weight, bias) does on z."""
        folded = weight @ self.basis.T
        return folded, bias - folded @ self.centre


def _within(samples: Samples) -> Float32[Tensor, "c c"]:
    """Covariance about each class's own mean."""
    features, targets = samples.features, samples.targets
    sums = features.new_zeros(samples.classes, features.shape[1]).index_add_(0, targets, features)
    counts = targets.bincount(minlength=samples.classes).clamp_min(1)
    rest = features - (sums / counts[:, None])[targets]
    return rest.T @ rest / len(rest)


def _inverse_root(covariance: Float32[Tensor, "c c"], ridge: float) -> Float32[Tensor, "c c"]:
    """Return B with B B^T = (covariance + ridge mean variance I)^-1, by Cholesky's factor."""
    identity = torch.eye(len(covariance))
    floor = ridge * covariance.diagonal().mean().item()
    if not 0 < floor < float("inf"):
        return identity
    factor = cholesky(covariance + floor * identity)
    return solve_triangular(factor, identity, upper=False).T
