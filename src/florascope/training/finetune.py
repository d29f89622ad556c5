"""Fine-tuning: epochs of a student, and which of them answers in the end."""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from jaxtyping import Float32
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from florascope.augmentation import ColourJitter, RandomCrop
from florascope.degradation import Degradation
from florascope.errors import TrainingError
from florascope.features.embedding import FeatureBank
from florascope.nets.classifier import Classifier, LinearHead, Samples, soften_head
from florascope.nets.fusing import Fused, fuse
from florascope.progress import Progress, silent
from florascope.training.batches import Batch, LabelledPhotos, Transform
from florascope.training.devices import fabric_for, recast
from florascope.training.logbook import Logbook, Row
from florascope.training.lower_layers import cut, keep
from florascope.training.recipes import Finetune
from florascope.training.student import Student, Weights


class Learned(NamedTuple):
    """What an epoch ended with, in a classifier's own names.

    Attributes:
        body: state of the network below the head.
        weight: (K, c) of the head.
        bias: (K,).
    """

    body: Weights
    weight: Float32[Tensor, "k c"]
    bias: Float32[Tensor, " k"]

    @classmethod
    def of(cls, classifier: Classifier) -> Self:
        """Copy how a classifier answers."""
        body = {k: v.detach().clone() for k, v in classifier.backbone.net.state_dict().items()}
        head = classifier.head
        return cls(body, head.weight.detach().clone(), head.bias.detach().clone())

    def put_into(self, classifier: Classifier) -> None:
        """Let a classifier answer so."""
        classifier.backbone.net.load_state_dict(self.body)
        classifier.set_head(self.weight, self.bias)


def average(members: Sequence[Learned]) -> Learned:
    """Average networks weight by weight, in float64; counts and the like are the first one's.

    It pays where all have learned from one start: they lie in one valley of the loss (Wortsman et
    al. 2022, "Model soups", uniform). Statistics of BatchNorm that moved are then to be estimated
    anew (`re_estimated`).
    """
    bodies = [member.body for member in members]
    return Learned(
        {name: _mean([body[name] for body in bodies]) for name in bodies[0]},
        _mean([member.weight for member in members]),
        _mean([member.bias for member in members]),
    )


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    first = tensors[0]
    if not first.is_floating_point():
        return first
    return torch.stack([t.double() for t in tensors]).mean(0).to(first.dtype)


def re_estimated(learned: Learned, classifier: Classifier, train: LabelledPhotos) -> Learned:
    """Measure BatchNorm's means and variances anew over the training photos (Izmailov et al. 2018).

    Args:
        learned: whose statistics are of no use.
        classifier: of that architecture; ends with the new ones.
        train: photos as training shows them.
    """
    learned.put_into(classifier)
    update_bn((batch.images for batch in train.batches(0)), classifier.backbone.net)
    return Learned.of(classifier)


class Tuned(NamedTuple):
    """A finished run.

    Attributes:
        history: one row an epoch.
        epochs: the best by validation top-1 and, where that is another, the last.
    """

    history: list[Row]
    epochs: tuple[Learned, ...]


def blend(runs: Sequence[Tuned]) -> Tuned:
    """Average runs that differ in their seed: the best epochs, and the last ones.

    A run whose last epoch is its best gives that to both. The history is the first run's.
    """
    places = (0,) if all(len(run.epochs) == 1 for run in runs) else (0, -1)
    ends = tuple(average([run.epochs[place] for run in runs]) for place in places)
    return Tuned(runs[0].history, ends)


def finetune(
    classifier: Classifier,
    train: LabelledPhotos,
    val: LabelledPhotos,
    recipe: Finetune,
    logbook: Logbook,
    *,
    progress: Progress = silent,
) -> Tuned:
    """Train a classifier in place; it ends with the weights of the best validation top-1.

    Args:
        classifier: the network, its head already fitted by a probe.
        train: what it learns from.
        val: what selects the epoch.
        recipe: how.
        logbook: keeps checkpoint and history. A run found there goes on where it stopped and ends
            with the very same weights (on a CPU; a GPU's sums may round differently).
        progress: told after each step, with loss, top-1 and photos a second.

    Raises:
        TrainingError: the loss is no number, memory ran out, or the logbook's run is another.
    """
    fused = _fused(classifier, recipe)
    fabric = fabric_for(recipe.precision)
    if fabric.device.type == "cpu":
        recast(fused.net)
    network = _with_net(classifier, fused)
    if recipe.still and recipe.unfreeze and fabric.world_size == 1:
        network, train, val = _upper(network, train, val, recipe.unfreeze, fabric, progress)
    student = Student(network, recipe, train.steps(fabric.world_size), fabric)
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
    tuned = Tuned(student.history, tuple(_learned(fused, w) for w in student.candidates))
    tuned.epochs[0].put_into(classifier)
    return tuned


def training_transform(classifier: Classifier, recipe: Finetune) -> Transform:
    """Return what the recipe does to each training photo."""
    size = recipe.train_size or classifier.preprocessing.size
    return Transform(
        replace(classifier.preprocessing, size=size),
        recipe.seed,
        RandomCrop(recipe.crop_area) if recipe.crop_area < 1 else None,
        recipe.augmentation if recipe.moves else None,
        ColourJitter(recipe.colour) if recipe.colour > 0 else None,
        Degradation(recipe.degrade) if recipe.degrade > 0 else None,
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
            fix=f"Try `batch_size={max(1, size // 2)}`",
        ) from error


def _fused(classifier: Classifier, recipe: Finetune) -> Fused:
    net = classifier.backbone.net
    if recipe.train_batchnorm:
        return Fused(copy.deepcopy(net), ())
    return fuse(net, classifier.backbone.example(2))


def _upper(
    network: Classifier,
    train: LabelledPhotos,
    val: LabelledPhotos,
    unfreeze: int,
    fabric: Fabric,
    progress: Progress,
) -> tuple[Classifier, LabelledPhotos, LabelledPhotos]:
    """Leave the layers out that do not learn, where the network can be cut there."""
    found = cut(network, unfreeze, network.backbone.example(2))
    if found is None:
        return network, train, val
    kept = [keep(photos, network, found.first, fabric, progress) for photos in (train, val)]
    return found.upper, kept[0], kept[1]


def _with_net(classifier: Classifier, fused: Fused) -> Classifier:
    student = copy.deepcopy(classifier)
    student.backbone.net = fused.net
    return student


def _learned(fused: Fused, weights: Weights) -> Learned:
    prefix = "backbone.net."
    there = {k: v.cpu() for k, v in weights.items()}
    learned = {k.removeprefix(prefix): v for k, v in there.items() if k.startswith(prefix)}
    whole = {k: v.cpu() for k, v in fused.net.state_dict().items()}
    body = whole | learned  # the lower layers may have been left out of what learned
    return Learned(fused.unfused(body), there["head.weight"], there["head.bias"])


Losses = Float32[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way to answer.

    Attributes:
        epoch: the network's weights.
        head: on its features.
        bank: its features of all photos.
        losses: (n,) cross-entropy of each validation photo, the head at its best temperature:
            label smoothing leaves a learned head less sure than it may be.
    """

    epoch: Learned
    head: LinearHead
    bank: FeatureBank
    losses: Losses

    @classmethod
    def of(cls, epoch: Learned, head: LinearHead, bank: FeatureBank, val: Samples) -> "Candidate":
        """Measure a head on validation photos."""
        logits = soften_head(head, val, 0.0)(val.features)
        return cls(epoch, head, bank, cross_entropy(logits, val.targets, reduction="none"))


def choose_candidate(probes: Sequence[Candidate], learned: Sequence[Candidate]) -> Candidate:
    """Take the probe of lowest loss, unless a learned head is better by more than chance.

    That is, by more than one standard error of their paired difference (as Breiman et al. 1984
    prune trees): features go on growing after the head that learns with them is at its best, and
    few validation photos cannot tell. Of Oxford 102's official split 1,020 photos prefer the probe
    by far (94 to 91 %); where all but 102 learn, those prefer the learned head by 0.016 +- 0.026.

    Args:
        probes: at least one.
        learned: at least one, measured on the same n photos.
    """
    probe, head = (
        min(some, key=lambda candidate: candidate.losses.mean().item())
        for some in (probes, learned)
    )
    gains = probe.losses - head.losses
    doubt = gains.std().item() / math.sqrt(len(gains)) if len(gains) > 1 else math.inf
    return head if gains.mean().item() > doubt else probe
