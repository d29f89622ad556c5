"""Every photo answered by a probe that did not see it, where validation photos are few."""

import math
from dataclasses import replace
from typing import TypeGuard

import numpy as np
import torch

from florascope.calibration.fitting import HeldOut
from florascope.calibration.similarity import class_means, similarities
from florascope.data.dataset import Split
from florascope.data.splits import deal_folds
from florascope.nets.head import Samples
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe, Recipe

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
    short, path = _in_span(photos, _path(recipe, history))
    for fold in asked:
        out = folds == fold
        rest, held = _some(short, ~out), _some(short, out).features.numpy()
        means = class_means(rest.features.numpy(), rest.targets.numpy(), rest.classes)
        logits[out] = fit_probe(rest, rest, path).logits(held)
        alike[out] = similarities(held, means).max(1)
    held_out = np.isin(folds, asked)
    return HeldOut(logits[held_out], alike[held_out], labels[held_out], FOLDS)


def _path(recipe: Probe, history: list[dict[str, float]]) -> Probe:
    """Shorten the path of penalties so that it ends with the one of the lowest validation loss."""
    last = int(np.nanargmin([row["val_loss"] for row in history]))
    return replace(recipe, l2_min=history[last]["l2"], l2_steps=last + 1)


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
