"""A linear probe on whitened features, its penalty chosen on validation photos; by folds if few."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self, TypeGuard

import numpy as np
import torch
from jaxtyping import Float32, Float64
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.linalg import cholesky, solve_triangular

from florascope.calibration.fitting import HeldOut
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import class_means, similarities
from florascope.data.dataset import Split
from florascope.data.splits import deal_folds
from florascope.errors import TrainingError
from florascope.nets.classifier import Features, LinearHead, Samples, Slope, score, slope_of
from florascope.progress import Progress, silent, track
from florascope.training.recipes import Probe, Recipe


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
        return cls.of_moments(*_moments(samples), ridge)

    @classmethod
    def of_moments(
        cls,
        centre: Float32[Tensor, " c"],
        within: Float32[Tensor, "c c"],
        total: Float32[Tensor, "c c"],
        ridge: float,
    ) -> Self:
        """Make the same of moments alone, of samples that are not in memory.

        Args:
            centre: mean feature.
            within: covariance about each class's own mean.
            total: covariance about the mean; tr(B^T total B) / c is the mean square of what the
                basis B makes of the samples.
            ridge: see `Whitening`.
        """
        basis = _inverse_root(within, ridge)
        spread = ((total @ basis) * basis).sum().div(len(basis)).sqrt().item()
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

    def unfold(self, slope: Slope) -> Slope:
        """Return the gradient by a head on z, given that by the folded head."""
        weight = (slope.weight - torch.outer(slope.bias, self.centre)) @ self.basis
        return slope._replace(weight=weight)


def _moments(
    samples: Samples,
) -> tuple[Float32[Tensor, " c"], Float32[Tensor, "c c"], Float32[Tensor, "c c"]]:
    """Mean, covariance about each class's own mean, and covariance about the mean.

    The last is the one before with that of the class means added, each counted by its photos.
    """
    features, targets = samples.features, samples.targets
    sums = features.new_zeros(samples.classes, features.shape[1]).index_add_(0, targets, features)
    counts = targets.bincount(minlength=samples.classes)[:, None]
    means, centre = sums / counts.clamp_min(1), features.mean(0)
    rest = features - means[targets]
    within, apart = rest.T @ rest / len(rest), means - centre
    return centre, within, within + (counts * apart).T @ apart / len(rest)


def _inverse_root(covariance: Float32[Tensor, "c c"], ridge: float) -> Float32[Tensor, "c c"]:
    """Return B with B B^T = (covariance + ridge mean variance I)^-1, by Cholesky's factor."""
    identity = torch.eye(len(covariance))
    floor = ridge * covariance.diagonal().mean().item()
    if not 0 < floor < float("inf"):
        return identity
    factor = cholesky(covariance + floor * identity)
    return solve_triangular(factor, identity, upper=False).T


def fit_probe(
    train: Samples,
    val: Samples,
    recipe: Probe,
    *,
    progress: Progress = silent,
) -> LinearHead:
    """Minimise mean cross-entropy + l2 / 2 |W|^2 along a path of penalties, strong to weak.

    W acts on whitened features (`Whitening`) and folds into a head on the plain ones. Each fit
    (L-BFGS-B of SciPy, without bounds) starts from the one before; the penalty with the lowest
    validation loss wins, and the path ends after the first that is worse than it. Where the
    strongest wins, up to `STRONGER` stronger ones follow, in the path's own steps. The loss, not
    the accuracy, chooses: it is less noisy on a small validation set and asks for honest
    probabilities.

    Args:
        train: the training photos' features.
        val: the validation photos' features.
        recipe: the path.
        progress: told after each penalty.

    Raises:
        TrainingError: no penalty gives a finite loss.
    """
    whitening = Whitening.of(train, ridge_for(recipe, train.photos))
    white = whitening(train.features)

    def loss(weight: Tensor, bias: Tensor) -> Slope:
        return slope_of(white, train.targets, weight, bias).over(len(white))

    def judge(head: LinearHead) -> dict[str, float]:
        scores = (score(head(part.features), part.targets) for part in (train, val))
        return figures(*scores)

    start = torch.zeros(train.classes, white.shape[1]), torch.zeros(train.classes)
    return follow_path(loss, judge, whitening, start, recipe, progress)


TRUSTED = 1020
"""Photos from whose number on the ridge shrinks: it was chosen on as many (Oxford 102's split)."""


def ridge_for(recipe: Probe, photos: int) -> float:
    """The recipe's ridge, less in proportion to photos beyond `TRUSTED`.

    It stands for what their covariance within the classes is not to be trusted in, and that falls
    with their number, as a prior that counts as so many photos does.
    """
    return recipe.ridge * min(1.0, TRUSTED / photos)


Parameters = tuple[Tensor, Tensor]
"""Weight (K, c) and bias (K,) of a head on whitened features."""
Loss = Callable[[Tensor, Tensor], Slope]
"""Mean cross-entropy of a head (weight, bias) on whitened training features."""
Judge = Callable[[LinearHead], dict[str, float]]
"""A head's `figures`."""


def figures(train: tuple[float, float], val: tuple[float, float]) -> dict[str, float]:
    """Name loss and top-1 of the training and the validation photos, for history.csv."""
    names = ("train_loss", "train_top1", "val_loss", "val_top1")
    return dict(zip(names, (*train, *val), strict=True))


def follow_path(
    loss: Loss,
    judge: Judge,
    whitening: Whitening,
    start: Parameters,
    recipe: Probe,
    progress: Progress = silent,
) -> LinearHead:
    """Fit a head along the path of penalties; see `fit_probe`.

    Args:
        loss: of the training photos.
        judge: tells a head's figures on plain features.
        whitening: of the training features.
        start: a head on whitened features.
        recipe: the path.
        progress: told after each penalty.

    Raises:
        TrainingError: no penalty gives a finite loss.
    """

    def fit(start: Parameters, l2: float) -> Fit:
        weight, bias = _minimise(loss, start, l2, recipe.max_iterations)
        head = LinearHead(*whitening.fold(weight, bias), [])
        return Fit((weight, bias), head, {"l2": l2, **judge(head)})

    penalties = np.geomspace(recipe.l2_max, recipe.l2_min, recipe.l2_steps)
    fits = _walk(fit, start, penalties, progress)
    best = _best(fits)
    if not math.isfinite(best.val_loss):
        raise TrainingError(
            f"the validation loss is {fits[-1].val_loss} for every penalty",
            expected="finite features",
            fix="Check the backbone's weights and the scale of its input",
        )
    if best is fits[0] and penalties[0] > penalties[-1]:
        steps = (penalties[0] / penalties[1]) ** np.arange(1, STRONGER + 1)
        stronger = _walk(fit, best.white, penalties[0] * steps, progress, best.val_loss)
        fits = [*reversed(stronger), *fits]
        best = _best([best, *stronger])
    return LinearHead(best.head.weight, best.head.bias, [fit.row for fit in fits])


STRONGER = 4
"""Penalties beyond the strongest of the path that are tried where that one wins."""


class Fit(NamedTuple):
    """A head at one penalty.

    Attributes:
        white: on whitened features, where the next fit starts.
        head: the same on plain features.
        row: of history.csv: penalty and figures.
    """

    white: Parameters
    head: LinearHead
    row: dict[str, float]

    @property
    def val_loss(self) -> float:
        """What chooses among fits."""
        return self.row["val_loss"]


def _walk(
    fit: Callable[[Parameters, float], Fit],
    start: Parameters,
    penalties: Float64[np.ndarray, " n"],
    progress: Progress,
    lowest: float = math.inf,
) -> list[Fit]:
    """Fit at one penalty after the other, up to the first whose loss lies above the lowest."""
    fits: list[Fit] = []
    for l2 in track(penalties.tolist(), len(penalties), "Fitting the head", progress):
        fits.append(fit(fits[-1].white if fits else start, l2))
        if fits[-1].val_loss > lowest:
            progress("Fitting the head", len(penalties), len(penalties))
            break
        lowest = min(lowest, fits[-1].val_loss)
    return fits


def _best(fits: Sequence[Fit]) -> Fit:
    """The first of lowest validation loss that is finite, else the first."""
    return min(fits, key=lambda fit: fit.val_loss if math.isfinite(fit.val_loss) else math.inf)


def _minimise(loss: Loss, start: Parameters, l2: float, iterations: int) -> Parameters:
    """Let SciPy walk: PyTorch's optimisers import its compiler, which takes longer than the fit.

    Parameters are counted in the loss's own unit, the root of its curvature where all K classes are
    as likely, (1 - 1 / K) / K: else the first step of each walk would be far too short.
    """
    shape, share = start[0].shape, 1 / len(start[1])
    unit = math.sqrt(share * (1 - share)) or 1.0

    def unpacked(flat: Float64[np.ndarray, " p"]) -> Parameters:
        both = torch.from_numpy(flat / unit).float()
        return both[: shape.numel()].view(shape), both[shape.numel() :]

    def objective(flat: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        weight, bias = unpacked(flat)
        slope = loss(weight, bias)
        gradient = torch.cat([(slope.weight + l2 * weight).flatten(), slope.bias])
        penalty = l2 / 2 * weight.square().sum(dtype=torch.float64).item()
        return slope.loss + penalty, gradient.double().numpy() / unit

    begin = torch.cat([part.flatten() for part in start]).double().numpy() * unit
    limits = {"maxiter": iterations, "ftol": 1e-12, "gtol": 1e-7}
    # SciPy's threads wait for more work in a loop, on the cores that PyTorch's then need: with them
    # the products of `objective` take more than twice the time.
    with threadpool_limits(1, user_api="blas"):
        return unpacked(minimize(objective, begin, jac=True, method="L-BFGS-B", options=limits).x)


FOLDS = 10
"""Of nine tenths of train and val: as many photos as train where val is a tenth of all."""

ENOUGH = 300
"""Photos out of fold: further folds are left out once there are so many."""

MOST = 1000
"""Photos of train and val of which some are asked out of fold: with more, val says enough."""


def is_cross_fitted(recipe: Recipe, split: Split) -> TypeGuard[Probe]:
    """Whether a run's figures may and need to rest on more photos than those of val.

    They may where the head is a probe on plain features of a frozen backbone: one that was tuned
    has seen its training photos, and they would look too much alike.
    """
    frozen = isinstance(recipe, Probe) and not recipe.views
    return frozen and len(split.train) + len(split.val) <= MOST


def cross_fit(photos: Samples, recipe: Probe, history: list[dict[str, float]]) -> HeldOut:
    """Return photos as probes answer that were fitted to the other folds (Stone 1974).

    All of them, or `ENOUGH`; those that are the only one of their class are in every fit, and never
    among those returned.

    Args:
        photos: of train and val.
        recipe: of the probe that will answer.
        history: of that probe; its path of penalties is followed down to the one that val chose.
    """
    labels = photos.targets.numpy()
    folds = np.where(np.bincount(labels)[labels] > 1, deal_folds(labels, FOLDS), -1)
    asked = np.unique(folds[folds >= 0])[: math.ceil(ENOUGH * FOLDS / len(labels))]
    logits = np.zeros((len(labels), photos.classes), np.float32)
    alike = np.zeros(len(labels), np.float32)
    ratios = np.full_like(logits, np.nan)
    short, path = _in_span(photos, _path(recipe, history))
    for fold in asked:
        out = folds == fold
        rest, held = _some(short, ~out), _some(short, out).features.numpy()
        means = class_means(rest.features.numpy(), rest.targets.numpy(), rest.classes)
        logits[out] = fit_probe(rest, rest, path).logits(held)
        alike[out] = similarities(held, means).max(1)
        ratio = LikelihoodRatio.fit(rest.features.numpy(), rest.targets.numpy(), rest.classes)
        if ratio is not None:
            ratios[out] = ratio(held)
    held_out = np.isin(folds, asked)
    told = ratios[held_out] if np.isfinite(ratios[held_out]).all() else None
    return HeldOut(logits[held_out], alike[held_out], labels[held_out], FOLDS, told)


def _path(recipe: Probe, history: list[dict[str, float]]) -> Probe:
    """The penalties that were tried, strong to weak, down to the one of lowest validation loss."""
    last = int(np.nanargmin([row["val_loss"] for row in history]))
    first, chosen = history[0]["l2"], history[last]["l2"]
    return replace(recipe, l2_max=first, l2_min=chosen, l2_steps=last + 1)


def _in_span(samples: Samples, recipe: Probe) -> tuple[Samples, Probe]:
    """Write n features in d <= n coordinates of their span: the same cosines and the same fit.

    A mean over d directions instead of c is c / d times as large, which the probe's ridge and
    penalties have to make up for.
    """
    axes = torch.linalg.qr(samples.features.T).Q
    share = axes.shape[1] / axes.shape[0]
    scaled = replace(
        recipe,
        ridge=recipe.ridge * share,
        l2_max=recipe.l2_max * share,
        l2_min=recipe.l2_min * share,
    )
    return replace(samples, features=samples.features @ axes), scaled


def _some(samples: Samples, chosen: np.ndarray) -> Samples:
    at = torch.from_numpy(chosen)
    return Samples(samples.features[at], samples.targets[at], samples.classes)
