"""Fine-tuning: the backbone's last stages, or all of them, learn together with the head."""

import copy
import time
from dataclasses import replace

import torch
from torch import Tensor

from florascope.errors import TrainingError
from florascope.model.classifier import Classifier
from florascope.model.colour_jitter import ColourJitter
from florascope.model.fusing import Fused, fuse
from florascope.model.random_crop import RandomCrop
from florascope.progress import Progress, silent
from florascope.training.batches import Batch, LabelledPhotos, Transform
from florascope.training.cpu_layers import recast
from florascope.training.device import fabric_for
from florascope.training.logbook import Logbook, Row
from florascope.training.recipe import FinetuneRecipe
from florascope.training.student import Student


def finetune(
    classifier: Classifier,
    train: LabelledPhotos,
    val: LabelledPhotos,
    recipe: FinetuneRecipe,
    logbook: Logbook,
    *,
    progress: Progress = silent,
) -> list[Row]:
    """Train a classifier in place; it ends with the weights of the best validation top-1.

    Args:
        classifier: the network, its head already fitted by a probe.
        train: what it learns from.
        val: what selects the epoch.
        recipe: how.
        logbook: keeps checkpoint and history. A run found there goes on where it stopped and ends
            with the very same weights (on a CPU; a GPU's sums may round differently).
        progress: told after each step, with loss, top-1 and photos a second.

    Returns:
        One row an epoch.

    Raises:
        TrainingError: the loss is no number, memory ran out, or the logbook's run is another.
    """
    fused = _fused(classifier, recipe)
    fabric = fabric_for(recipe.precision)
    if fabric.device.type == "cpu":
        recast(fused.net)
    student = Student(_with_net(classifier, fused), recipe, train.steps(fabric.world_size), fabric)
    if found := logbook.read():
        student.restore(found.tensors, found.progress)
    else:
        student.begin(val)
    while not student.done:
        _train_epoch(student, train, logbook, progress)
        student.judge(val)
        if fabric.is_global_zero:
            logbook.keep(student.tensors(), student.progress())
            logbook.note(student.history)
    _take_over(classifier, fused, student.best)
    return student.history


def training_transform(classifier: Classifier, recipe: FinetuneRecipe) -> Transform:
    """Return what the recipe does to each training photo."""
    size = recipe.train_size or classifier.preprocessing.size
    augmentation = recipe.augmentation
    still = augmentation.flips_alone and not recipe.flip
    return Transform(
        replace(classifier.preprocessing, size=size),
        recipe.seed,
        RandomCrop(recipe.crop_area) if recipe.crop_area < 1 else None,
        None if still else augmentation,
        ColourJitter(recipe.colour) if recipe.colour > 0 else None,
    )


def _train_epoch(
    student: Student, train: LabelledPhotos, logbook: Logbook, progress: Progress
) -> None:
    fabric, start, before = student.fabric, time.perf_counter(), student.met.photos
    total = student.recipe.epochs * student.steps
    batches = train.batches(
        student.epoch, student.step, rank=fabric.global_rank, world=fabric.world_size
    )
    for batch in batches:
        _learn(student, batch)
        met = student.met
        speed = (met.photos - before) / (time.perf_counter() - start) * fabric.world_size
        remark = f"loss {met.loss / met.photos:.3f}, top-1 {100 * met.right / met.photos:.1f} %"
        done = student.epoch * student.steps + student.step
        progress(f"Fine-tuning: {remark}, {speed:.0f} photos/s", done, total)
        if logbook.due and fabric.is_global_zero and student.step < student.steps:
            logbook.keep(student.tensors(), student.progress())


def _learn(student: Student, batch: Batch) -> None:
    """Take a step; say what to do where memory ends."""
    try:
        student.learn(batch)
    except (MemoryError, torch.OutOfMemoryError, RuntimeError) as error:
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and (
            "allocate memory" not in str(error)
        ):
            raise
        size = student.recipe.batch_size
        raise TrainingError(
            f"memory ran out with {size} photos a step",
            fix=f"Try --set batch_size={max(1, size // 2)}",
        ) from error


def _fused(classifier: Classifier, recipe: FinetuneRecipe) -> Fused:
    net = classifier.backbone.net
    if recipe.train_batchnorm:
        return Fused(copy.deepcopy(net), ())
    size = classifier.preprocessing.size
    example = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    return fuse(net, example)


def _with_net(classifier: Classifier, fused: Fused) -> Classifier:
    student = copy.deepcopy(classifier)
    student.backbone.net = fused.net
    return student


def _take_over(classifier: Classifier, fused: Fused, best: dict[str, Tensor]) -> None:
    """Put fine-tuned weights into the classifier, in its own names."""
    prefix = "backbone.net."
    body = {k.removeprefix(prefix): v.cpu() for k, v in best.items() if k.startswith(prefix)}
    classifier.backbone.net.load_state_dict(fused.unfused(body))
    classifier.set_head(best["head.weight"].cpu(), best["head.bias"].cpu())
