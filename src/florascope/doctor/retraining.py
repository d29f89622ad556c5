"""A PyTorch training again, on what its loaders gave: what the photos can give, part by part."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from florascope.doctor.diagnosis import settled
from florascope.doctor.evidence import LOST, Answers, Evidence, performance
from florascope.doctor.loaders import Batch, is_photo, photos_of_files
from florascope.doctor.network import Head, answers, find_head
from florascope.doctor.retouching import LOOKED_AT
from florascope.doctor.substitution import (
    Material,
    Suspect,
    affordable,
    fresh,
    of_head,
    of_network,
    reference,
    substitute,
)
from florascope.doctor.tail import find_tail
from florascope.doctor.trials import FromFiles, Substitution, within
from florascope.errors import FlorascopeError
from florascope.health.quick_probe import QuickProbe
from florascope.progress import Progress

BATCH = 32


class Taken(NamedTuple):
    """Batches of both loaders.

    Attributes:
        train: picked evenly from all of train where that can be.
        val: likewise.
        drawn: of train, as its loader draws them.
        plain: of train, prepared as val's are; [] where they are so anyway.
        augmentation: names of the random steps of train's preparation.
    """

    train: list[Batch]
    val: list[Batch]
    drawn: list[Batch]
    plain: Sequence[Batch] = ()
    augmentation: str = ""


@dataclass(frozen=True, eq=False)
class Training:
    """What a script trains, and with what.

    Attributes:
        model: as it is evaluated.
        head: its last linear layer.
        loss: a module or function; None for cross-entropy.
        optimizer: None where it was not told.
        from_scratch: whether no pretrained weights are known.
    """

    model: nn.Module
    head: Head
    loss: Any
    optimizer: Optimizer | None
    from_scratch: bool


def try_again(
    training: Training, evidence: Evidence, taken: Taken, progress: Progress
) -> Substitution | None:
    """Measure what the photos can give; where the run gives less, exchange its parts."""
    K = evidence.classes
    if evidence.labels_outside or evidence.val_answers is None:
        return None
    progress("Trying parts of the training", 0, 1)
    material = Material(stack(taken.train), stack(taken.val), _pairs(taken.drawn))
    found = Substitution(reference(material, K))
    if taken.plain:
        material = replace(material, train=stack(taken.plain), augmented=material.train)
        found = replace(found, plain=reference(material, K), augmentation=taken.augmentation)
    if found.learned_nothing(K):
        alone = within(material.train, material.val, lambda a, b: reference(Material(a, b, ()), K))
        found = replace(found, within=alone)
    found = replace(found, files=_from_files(training, evidence, taken, found.reachable))
    gap = performance(replace(evidence, substitution=found))
    lost = gap is not None and gap.lost >= LOST and evidence.trained
    if lost and not settled(replace(evidence, substitution=found)):
        suspect, material = _suspect(training, evidence, taken, material)
        if suspect is not None:
            tried = substitute(
                suspect, material, training.loss, training.optimizer, found.reference
            )
            found = replace(
                tried,
                within=found.within,
                plain=found.plain,
                augmentation=found.augmentation,
                files=found.files,
            )
    progress("Trying parts of the training", 1, 1)
    return found


def _from_files(
    training: Training, evidence: Evidence, taken: Taken, reachable: float
) -> FromFiles | None:
    """What photos from their files can give, beside what they give as they are loaded."""
    like = stack(taken.val)[0]
    if evidence.train is None or evidence.val is None or not is_photo(like):
        return None
    side = like.shape[-1]
    try:
        train, val = (
            photos_of_files(part.paths, part.labels, like, most)
            for part, most in ((evidence.train, 2 * LOOKED_AT), (evidence.val, LOOKED_AT))
        )
        if train is None or val is None:
            return None
        there = val.images.shape[-1]
        names = (n for n, p in training.model.named_parameters() if p.requires_grad)
        if not all(name.startswith(f"{training.head.name}.") for name in names):
            top1 = reference(Material(train[:2], val[:2], ()), evidence.classes)
            return FromFiles(reachable, top1, side, there)
        twin = copy.deepcopy(training.model).eval()
        probe = QuickProbe.fit(
            answers(twin, training.head, [train]),
            answers(twin, training.head, [val]),
            evidence.classes,
        )
    except FlorascopeError:  # a photo that cannot be read, a network that takes one size alone
        return None
    if probe is None or evidence.probe is None:
        return None
    return FromFiles(evidence.probe.val_top1, probe.val_top1, side, there)


def _suspect(
    training: Training, evidence: Evidence, taken: Taken, material: Material
) -> tuple[Suspect | None, Material]:
    """The whole network where that takes seconds and more than its last layer trains."""
    model, head = training.model, training.head
    twin = copy.deepcopy(model).eval()
    tail = find_tail(twin, find_head(twin, taken.val[0].images[:1]), taken.val[0].images[:BATCH])
    names = {n for n, p in model.named_parameters() if p.requires_grad}
    # Weights drawn anew say nothing of a training that went on from pretrained ones.
    more = training.from_scratch and any(not n.startswith(f"{head.name}.") for n in names)
    if more and affordable(lambda: fresh(model), taken.train[0]):
        return of_network(model, head, tail, evidence.classes), material
    layer = model.get_submodule(head.name) if head.module else None
    if not isinstance(layer, nn.Linear):
        return None, material
    head = find_head(twin, taken.val[0].images[:1])
    plain = answers(twin, head, taken.plain) if taken.plain else None
    learned, unseen = evidence.train_answers, evidence.val_answers
    if learned is None or unseen is None:
        return None, material
    sound, val, as_loaded = (_tensors(a) for a in (plain or learned, unseen, learned))
    if not all(bool(x.isfinite().all()) for x, _ in (sound, val, as_loaded)):
        return None, material
    seen = answers(twin, head, taken.drawn)
    sizes = [len(b.labels) for b in taken.drawn]
    drawn = list(
        zip(
            torch.from_numpy(seen.features).float().split(sizes),
            torch.from_numpy(seen.labels).split(sizes),
            strict=True,
        )
    )
    cached = Material(sound, val, drawn, as_loaded if plain else None)
    return of_head(layer, tail, evidence.classes), cached


def _tensors(asked: Answers) -> tuple[Tensor, Tensor]:
    """Features and labels."""
    return torch.from_numpy(asked.features).float(), torch.from_numpy(asked.labels)


def stack(data: Sequence[Batch], most: int | None = None) -> tuple[Tensor, Tensor]:
    """All images and all labels, or at most so many, picked evenly."""
    images, labels = torch.cat([b.images for b in data]), torch.cat([b.labels for b in data])
    if most is None or most >= len(labels):
        return images, labels
    some = torch.linspace(0, len(labels) - 1, most).long()
    return images[some], labels[some]


def _pairs(data: Sequence[Batch]) -> list[tuple[Tensor, Tensor]]:
    return [(b.images, b.labels) for b in data]
