"""A linear probe on whitened features, its penalty chosen on validation photos; by folds if few."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, TypeGuard

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
from florascope.progress import Progress, silent
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
    def of(cls, samples: Samples, ridge: float, width: int | None = None) -> Self:
        """Measure some samples; their coordinates get a root mean square of 1.

        Where photos of one class do not differ (one photo each), no direction shrinks. `width` is
        that of the features whose coordinates in some span these are; None where they are features.
        """
        return cls.of_moments(*_moments(samples), ridge, width)

    @classmethod
    def of_moments(
        cls,
        centre: Float32[Tensor, " c"],
        within: Float32[Tensor, "c c"],
        total: Float32[Tensor, "c c"],
        ridge: float,
        width: int | None = None,
    ) -> Self:
        """Make the same of moments alone, of samples that are not in memory.

        Args:
            centre: mean feature.
            within: covariance about each class's own mean.
            total: covariance about the mean; tr(B^T total B) / c is the mean square of what the
                basis B makes of the samples.
            ridge: see `Whitening`.
            width: see `of`.
        """
        width = width or len(centre)
        basis = _inverse_root(within, ridge * within.trace().item() / width)
        spread = ((total @ basis) * basis).sum().div(width).sqrt().item()
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


def _inverse_root(covariance: Float32[Tensor, "c c"], floor: float) -> Float32[Tensor, "c c"]:
    """Return B with B B^T = (covariance + floor I)^-1, by Cholesky's factor."""
    identity = torch.eye(len(covariance))
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
    """Minimise mean cross-entropy + l2 / 2 |W|^2, as far as validation loss falls.

    W acts on whitened features (`Whitening`) and folds into a head on the plain ones. L-BFGS-B of
    SciPy, without bounds, walks from zero; the iteration with the lowest validation loss wins, and
    the walk ends where that has not fallen for `patience` iterations. Stopping early does what a
    stronger penalty would (Bishop 1995, "Regularization and complexity control in feed-forward
    networks"). The loss, not the accuracy, chooses: it is less noisy on a small validation set and
    asks for honest probabilities.

    Args:
        train: the training photos' features.
        val: the validation photos' features.
        recipe: penalty, ridge and patience.
        progress: told after each iteration.

    Raises:
        TrainingError: no iteration gives a finite loss.
    """
    whitening, loss = _whitened(train, recipe)

    def judge(head: LinearHead) -> tuple[float, float]:
        return score(head(val.features), val.targets)

    return walk(loss, judge, whitening, train.classes, recipe, progress)


def _whitened(train: Samples, recipe: Probe, width: int | None = None) -> tuple[Whitening, "Loss"]:
    """The training photos' whitening, and the loss of a head on what it makes of them."""
    whitening = Whitening.of(train, ridge_for(recipe, train.photos), width)
    white = whitening(train.features)

    def loss(weight: Tensor, bias: Tensor) -> Slope:
        return slope_of(white, train.targets, weight, bias).over(len(white))

    return whitening, loss


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
Judge = Callable[[LinearHead], tuple[float, float]]
"""A head's loss and top-1 on validation photos."""
Look = Callable[[Parameters, Slope], bool]
"""Told after each iteration where it stands and of the loss there; whether to go on."""


def walk(
    loss: Loss,
    judge: Judge,
    whitening: Whitening,
    classes: int,
    recipe: Probe,
    progress: Progress = silent,
) -> LinearHead:
    """Fit a head as far as validation loss falls; see `fit_probe`.

    Args:
        loss: of the training photos.
        judge: tells a head's figures on validation photos, from plain features.
        whitening: of the training features.
        classes: K.
        recipe: penalty and patience.
        progress: told after each iteration.

    Raises:
        TrainingError: no iteration gives a finite loss.
    """
    watch = _Watch(judge, whitening, recipe, progress)
    progress("Fitting the head", 0, recipe.max_iterations)
    _minimise(loss, (classes, len(whitening.centre)), recipe, watch)
    progress("Fitting the head", recipe.max_iterations, recipe.max_iterations)
    if watch.best is None:
        raise TrainingError(
            f"the validation loss is {watch.rows[-1]['val_loss']} after every iteration",
            expected="finite features",
            fix="Check the backbone's weights and the scale of its input",
        )
    return LinearHead(watch.best.weight, watch.best.bias, watch.rows)


FIGURES = ("iteration", "train_loss", "train_top1", "val_loss", "val_top1")
"""Columns of history.csv."""


@dataclass
class _Watch:
    """Judges each iteration, and ends the walk where validation loss has stopped falling.

    Attributes:
        judge: tells a head's figures on validation photos.
        whitening: of the training features.
        recipe: its patience counts.
        progress: told after each iteration.
        rows: of history.csv, one an iteration.
        best: the head of lowest validation loss so far, on plain features.
        lowest: that loss.
        since: iterations since then.
    """

    judge: Judge
    whitening: Whitening
    recipe: Probe
    progress: Progress
    rows: list[dict[str, float]] = field(default_factory=list)
    best: LinearHead | None = None
    lowest: float = math.inf
    since: int = 0

    def __call__(self, at: Parameters, slope: Slope) -> bool:
        """Judge one, and say whether to go on."""
        head = LinearHead(*self.whitening.fold(*at))
        loss, top1 = self.judge(head)
        figures = (len(self.rows) + 1, slope.loss, slope.hits, loss, top1)
        self.rows.append(dict(zip(FIGURES, figures, strict=True)))
        self.progress("Fitting the head", len(self.rows), self.recipe.max_iterations)
        self.since += 1
        if loss < self.lowest:
            self.best, self.lowest, self.since = head, loss, 0
        return self.since < self.recipe.patience


def _minimise(
    loss: Loss, shape: tuple[int, int], recipe: Probe, look: Look, width: int | None = None
) -> None:
    """Let SciPy walk from zero: PyTorch's optimisers import its compiler, dearer than the fit.

    Parameters are counted in the loss's own unit, the root of its curvature along a photo's `width`
    features where all K classes are as likely, width (1 - 1 / K) / K: the first step then moves
    logits by about one, and the walk does not miss where it should have ended.
    """
    K, c = shape
    unit = math.sqrt((1 - 1 / K) / K * (width or c)) or 1.0
    seen: list[tuple[Parameters, Slope]] = []

    def objective(flat: Float64[np.ndarray, " p"]) -> tuple[float, Float64[np.ndarray, " p"]]:
        both = torch.from_numpy(flat / unit).float()
        weight, bias = both[: K * c].view(K, c), both[K * c :]
        slope = loss(weight, bias)
        seen[:] = [((weight, bias), slope)]
        gradient = torch.cat([(slope.weight + recipe.l2 * weight).flatten(), slope.bias])
        penalty = recipe.l2 / 2 * weight.square().sum(dtype=torch.float64).item()
        return slope.loss + penalty, gradient.double().numpy() / unit

    def after(_: Float64[np.ndarray, " p"]) -> None:
        if not look(*seen[0]):  # an iteration ends where it looked last
            raise StopIteration

    begin = np.zeros(K * c + K)
    limits = {"maxiter": recipe.max_iterations, "ftol": 1e-12, "gtol": 1e-7}
    # SciPy's threads wait for more work in a loop, on the cores that PyTorch's then need: with them
    # the products of `objective` take more than twice the time.
    with threadpool_limits(1, user_api="blas"):
        how = {"method": "L-BFGS-B", "callback": after, "options": limits}
        walked = minimize(objective, begin, jac=True, **how)
    if not walked.nit:  # nothing to gain from the start, or no number
        look(*seen[0])


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
        history: of that probe; each fold's walks as many iterations as val chose of it.
    """
    labels = photos.targets.numpy()
    folds = np.where(np.bincount(labels)[labels] > 1, deal_folds(labels, FOLDS), -1)
    asked = np.unique(folds[folds >= 0])[: math.ceil(ENOUGH * FOLDS / len(labels))]
    logits = np.zeros((len(labels), photos.classes), np.float32)
    alike = np.zeros(len(labels), np.float32)
    ratios = np.full_like(logits, np.nan)
    short, width = _in_span(photos), photos.features.shape[1]
    chosen = replace(recipe, max_iterations=_chosen(history))
    for fold in asked:
        out = folds == fold
        rest, held = _some(short, ~out), _some(short, out).features.numpy()
        means = class_means(rest.features.numpy(), rest.targets.numpy(), rest.classes)
        logits[out] = fit_to_end(rest, chosen, width).logits(held)
        alike[out] = similarities(held, means).max(1)
        ratio = LikelihoodRatio.fit(rest.features.numpy(), rest.targets.numpy(), rest.classes)
        if ratio is not None:
            ratios[out] = ratio(held)
    held_out = np.isin(folds, asked)
    told = ratios[held_out] if np.isfinite(ratios[held_out]).all() else None
    return HeldOut(logits[held_out], alike[held_out], labels[held_out], FOLDS, told)


def _chosen(history: list[dict[str, float]]) -> int:
    """The iteration of lowest validation loss."""
    return 1 + int(np.nanargmin([row["val_loss"] for row in history]))


def fit_to_end(train: Samples, recipe: Probe, width: int | None = None) -> LinearHead:
    """Return the head after all of a recipe's iterations, of which no photos choose.

    Args:
        train: the training photos' features.
        recipe: penalty, ridge and iterations.
        width: see `Whitening.of`.
    """
    whitening, loss = _whitened(train, recipe, width)
    last: list[Parameters] = []

    def look(at: Parameters, _: Slope) -> bool:
        last[:] = [at]
        return True

    _minimise(loss, (train.classes, len(whitening.centre)), recipe, look, width)
    return LinearHead(*whitening.fold(*last[0]))


def _in_span(samples: Samples) -> Samples:
    """Write n features in d <= n coordinates of their span, in which the same walk is taken."""
    axes = torch.linalg.qr(samples.features.T).Q
    return replace(samples, features=samples.features @ axes)


def _some(samples: Samples, chosen: np.ndarray) -> Samples:
    at = torch.from_numpy(chosen)
    return Samples(samples.features[at], samples.targets[at], samples.classes)
