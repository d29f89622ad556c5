"""A PyTorch training again, on what its loaders gave: what the photos can give, part by part."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from florascope.doctor.checks.exchange import MUCH
from florascope.doctor.diagnosis import settled
from florascope.doctor.evidence import LOST, Answers, Evidence, performance
from florascope.doctor.loaders import (
    Batch,
    Loader,
    evenly,
    indexable,
    is_photo,
    known,
    picked,
    prepared_like,
    sources,
    take,
)
from florascope.doctor.network import Head, answers, find_head, run
from florascope.doctor.photometry import pixels_of, read_again
from florascope.doctor.retouching import ANEW, AS_TRAIN, LOOKED_AT, looked_at
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
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress

BATCH = 32
WELL = 0.75  # of val answered right: photos prepared otherwise could not give clearly more
SHOWN = 96  # pixels of a side that photos are taken from their files with, where they have as many


class Taken(NamedTuple):
    """Batches of both loaders.

    Attributes:
        train: picked evenly from all of train where that can be.
        val: likewise.
        drawn: of train, as its loader draws them.
        plain: of train, prepared as val's are; [] where they are so anyway.
        augmentation: names of the random steps of train's preparation.
        loaders: of train and of val; None where those are not to be read again.
    """

    train: list[Batch]
    val: list[Batch]
    drawn: list[Batch]
    plain: Sequence[Batch] = ()
    augmentation: str = ""
    loaders: tuple[Loader, Loader] | None = None


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


def prepared_otherwise(twin: nn.Module, evidence: Evidence, taken: Taken) -> dict[str, float]:
    """Val accuracy by how the photos are prepared, where it is not as their loader does it.

    The very photos that are retouched, of a network that is right on train photos and wrong on
    val's: as train's loader prepares its own, and anew from their files, in the way that is best.
    {} where neither can be had.

    Args:
        twin: a copy of the network, in eval mode.
        evidence: with the network's answers.
        taken: the batches, and their loaders.
    """
    learned, unseen, sides = evidence.train_answers, evidence.val_answers, taken.loaders
    dataset = None if sides is None else indexable(sides[1])
    if learned is None or unseen is None or sides is None or dataset is None:
        return {}
    if learned.top1 < unseen.top1 + MUCH or unseen.top1 > WELL:
        return {}
    like, labels = stack(taken.train)[0], stack(taken.val)[1]
    some = looked_at(len(labels))
    places = evenly(len(dataset), len(labels))[some]
    found = dict[str, float]()
    try:
        if (as_train := prepared_like(sides[1], sides[0])) is not None:
            batches = take(picked(as_train, places), len(places))
            found[AS_TRAIN] = _right(twin, *stack(batches))
        if (photos := sources(sides[1])) and is_photo(like):
            opened, (rows, columns) = [pixels_of(photos[i]) for i in places], like.shape[2:]
            made = read_again(opened, (rows, columns), like.numpy(), _contract(evidence))
            found[ANEW] = max(_right(twin, torch.from_numpy(x), labels[some]) for x in made)
    except (FlorascopeError, RuntimeError, TypeError, ValueError):  # train's way is not for them
        return found
    return found


def _right(twin: nn.Module, images: Tensor, labels: Tensor) -> float:
    said = torch.cat([run(twin, part).argmax(1) for part in images.split(BATCH)])
    return float((said == labels).float().mean())


def _contract(evidence: Evidence) -> Preprocessing | None:
    return evidence.inputs.contract if evidence.inputs else None


def _from_files(
    training: Training, evidence: Evidence, taken: Taken, reachable: float
) -> FromFiles | None:
    """What photos anew from their files can give, beside what they give as they are loaded.

    Left out where the run answers so well that they could not give clearly more.
    """
    like, val = stack(taken.val)[0], evidence.val_answers
    if taken.loaders is None or not is_photo(like) or val is None or val.top1 > WELL:
        return None
    try:
        pairs = zip(taken.loaders, (2 * LOOKED_AT, LOOKED_AT), strict=True)
        train, val_too = (_anew(loader, most, like, _contract(evidence)) for loader, most in pairs)
        if not train or not val_too:
            return None
        ways = list(zip(train, val_too, strict=True))
        side, there = like.shape[-1], ways[0][0].images.shape[-1]
        if not _head_alone(training):
            material = Material(ways[0][0][:2], ways[0][1][:2], ())
            return FromFiles(reachable, reference(material, evidence.classes), side, there)
        twin = copy.deepcopy(training.model).eval()
        probe = _probe(twin, training.head, ways[-1], evidence.classes)
    except (FlorascopeError, RuntimeError):  # a photo that cannot be read, one size alone is taken
        return None
    if probe is None or evidence.probe is None:
        return None
    return FromFiles(evidence.probe.val_top1, probe.val_top1, side, there)


def _anew(loader: Loader, most: int, like: Tensor, contract: Preprocessing | None) -> list[Batch]:
    """Some photos anew from their files, in each way; [] where those are unknown."""
    photos = sources(loader)
    if not photos or not isinstance(loader, DataLoader):
        return []
    places = evenly(len(photos), most)
    opened = [pixels_of(photos[i]) for i in places]
    side = max(like.shape[-1], min(SHOWN, int(np.median([min(p.shape[:2]) for p in opened]))))
    names = known(loader)[2]
    read = [names[i] for i in places] if names else stack(take(picked(loader, places), most))[1]
    made = read_again(opened, (side, side), like.numpy(), contract)
    return [Batch(torch.from_numpy(x), torch.as_tensor(read)) for x in made]


def _probe(
    twin: nn.Module, head: Head, sides: tuple[Batch, Batch], classes: int
) -> QuickProbe | None:
    train, val = (answers(twin, head, [side]) for side in sides)
    return QuickProbe.fit(train, val, classes)


def _head_alone(training: Training) -> bool:
    names = (n for n, p in training.model.named_parameters() if p.requires_grad)
    return all(name.startswith(f"{training.head.name}.") for name in names)


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
    some = evenly(len(labels), most)
    return images[some], labels[some]


def _pairs(data: Sequence[Batch]) -> list[tuple[Tensor, Tensor]]:
    return [(b.images, b.labels) for b in data]
