"""A head fitted on features that were computed before: seconds, and no photo is read."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray

from florascope.data.dataset import Dataset
from florascope.data.split import Indexes, Split
from florascope.errors import TrainingError
from florascope.evaluation.metrics import Metrics, measure
from florascope.progress import Progress, silent
from florascope.training.dense import fit_dense
from florascope.training.head import LinearHead, Samples, centred
from florascope.training.probe import fit_probe
from florascope.training.recipe import ProbeRecipe, Recipe, SeedRecipe, describe


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
    if isinstance(recipe, SeedRecipe) and recipe.augment:
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
    if isinstance(recipe, SeedRecipe):
        return centred(fit_dense([train] * recipe.epochs, val, recipe, progress=progress))
    probe = recipe if isinstance(recipe, ProbeRecipe) else ProbeRecipe()
    return centred(fit_probe(train, val, probe, progress=progress))


def samples_of(dataset: Dataset, features: Float32[ndarray, "n c"], indexes: Indexes) -> Samples:
    """Take some photos' features, with their classes."""
    targets: Int64[torch.Tensor, " n"] = torch.from_numpy(dataset.labels[indexes])
    return Samples(torch.from_numpy(features[indexes]), targets, len(dataset.classes))
