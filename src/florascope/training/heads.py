"""A head fitted to frozen features: densely by Adam, or as a probe."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from florascope.data.dataset import Dataset, Indexes, Split
from florascope.errors import TrainingError
from florascope.metrics import Metrics, measure
from florascope.nets.classifier import LinearHead, Samples, centre_head, score
from florascope.nets.library import making_networks
from florascope.progress import Progress, silent, track
from florascope.training.probe import fit_probe
from florascope.training.recipes import ClassReport, Probe, Recipe, describe


def fit_dense(
    epochs: list[Samples], val: Samples, recipe: ClassReport, *, progress: Progress = silent
) -> LinearHead:
    """Train the head as Keras does: Glorot-uniform start, zero bias, Adam with epsilon 1e-7.

    Because the backbone is frozen and BatchNorm stands still, features of augmented photos
    computed beforehand give the same steps as forward passes during training would.

    Args:
        epochs: the training photos' features, one `Samples` an epoch.
        val: the validation photos' features.
        recipe: learning rate, batch size and seed.
        progress: told after each epoch.

    Raises:
        TrainingError: the loss became infinite or NaN.
    """
    draw = torch.Generator().manual_seed(recipe.seed)
    dense = _glorot(epochs[0].features.shape[1], val.classes, draw)
    adam = torch.optim.Adam(dense.parameters(), lr=recipe.learning_rate, eps=1e-7)
    history = []
    for number, train in enumerate(track(epochs, len(epochs), "Training the head", progress), 1):
        order = torch.randperm(len(train.targets), generator=draw)
        seen = _epoch(train, dense, adam, torch.split(order, recipe.batch_size))
        history.append(_row(number, seen, dense, val))
        _check(history[-1], recipe.learning_rate)
    return LinearHead(dense.weight.detach(), dense.bias.detach(), history)


def _glorot(features: int, classes: int, draw: torch.Generator) -> nn.Linear:
    """Uniform in +-sqrt(6 / (fan in + fan out)): Glorot & Bengio 2010, equation 16."""
    with making_networks():
        dense = nn.Linear(features, classes)
    nn.init.xavier_uniform_(dense.weight, generator=draw)
    nn.init.zeros_(dense.bias)
    return dense


def _epoch(
    train: Samples, dense: nn.Linear, adam: torch.optim.Adam, batches: Sequence[Tensor]
) -> tuple[float, float]:
    """One pass; return the mean loss and top-1 met on the way."""
    total_loss, right = 0.0, 0
    for batch in batches:
        logits, targets = dense(train.features[batch]), train.targets[batch]
        loss = cross_entropy(logits, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
        total_loss += loss.item() * len(batch)
        right += int((logits.argmax(1) == targets).sum())
    return total_loss / len(train.targets), right / len(train.targets)


def _row(
    number: int, seen: tuple[float, float], dense: nn.Linear, val: Samples
) -> dict[str, float]:
    with torch.no_grad():
        loss, top1 = score(dense(val.features), val.targets)
    return {
        "epoch": number,
        "train_loss": seen[0],
        "train_top1": seen[1],
        "val_loss": loss,
        "val_top1": top1,
    }


def _check(row: dict[str, float], learning_rate: float) -> None:
    train, val = row["train_loss"], row["val_loss"]
    if not (math.isfinite(train) and math.isfinite(val)):
        raise TrainingError(
            f"the loss became {train} (train) and {val} (val) at learning rate {learning_rate}",
            fix=f"Lower it: `learning_rate={learning_rate / 10:g}`",
        )


@dataclass(frozen=True, eq=False)
class FrozenFit:
    """A head on frozen features, measured.

    Attributes:
        split: the name of the split.
        recipe: how the head was fitted.
        metrics: of "train", "val" and "test".
        history: one row a step of the fit.
        seconds: of the fit.
    """

    split: str
    recipe: Recipe
    metrics: dict[str, Metrics]
    history: list[dict[str, float]]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        figures = {subset: metrics.to_json() for subset, metrics in self.metrics.items()}
        return {"split": self.split, **describe(self.recipe), **figures, "seconds": self.seconds}


def fit_frozen(
    dataset: Dataset,
    features: Float32[ndarray, "n c"],
    split: Split,
    recipe: Recipe,
    *,
    progress: Progress = silent,
) -> FrozenFit:
    """Fit a head on train, select on val, measure on all three.

    Args:
        dataset: the labels; its photos are not read.
        features: of every photo, from a frozen backbone.
        split: the photos' division.
        recipe: how to fit; augmentation must be off, as there is nothing to augment.
        progress: told of the fit.

    Raises:
        TrainingError: augmentation is on, or the fit diverged.
    """
    if isinstance(recipe, ClassReport) and recipe.augment:
        raise TrainingError(
            "augmentation is on, but there are only features",
            fix="Switch it off (augment=False), or train on the photos",
        )
    start = time.perf_counter()
    train, val = (samples_of(dataset, features, split[subset]) for subset in ("train", "val"))
    head = fit_head(train, val, recipe, progress)
    logits = head.logits(features)
    metrics = {subset: measure(logits[i], dataset.labels[i]) for subset, i in split.items()}
    return FrozenFit(split.name, recipe, metrics, head.history, time.perf_counter() - start)


def fit_head(train: Samples, val: Samples, recipe: Recipe, progress: Progress) -> LinearHead:
    """Fit the recipe's head on plain features, centred; fine-tuning begins with a probe."""
    if isinstance(recipe, ClassReport):
        return centre_head(fit_dense([train] * recipe.epochs, val, recipe, progress=progress))
    probe = recipe if isinstance(recipe, Probe) else Probe()
    return centre_head(fit_probe(train, val, probe, progress=progress))


def samples_of(dataset: Dataset, features: Float32[ndarray, "n c"], indexes: Indexes) -> Samples:
    """Take some photos' features, with their classes."""
    targets: Int64[torch.Tensor, " n"] = torch.from_numpy(dataset.labels[indexes])
    return Samples(torch.from_numpy(features[indexes]), targets, len(dataset.classes))
