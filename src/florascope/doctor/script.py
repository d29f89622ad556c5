"""The doctor for anybody's PyTorch training: a model and its two loaders."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import RandomSampler

from florascope.doctor import loaders
from florascope.doctor.checks.inputs import as_contracted, standardisation
from florascope.doctor.diagnosis import Diagnosis, judge
from florascope.doctor.evidence import Answers, Claims, Evidence, Inputs, Subset
from florascope.doctor.loaders import (
    Batch,
    could_be_photo,
    in_three,
    is_photo,
    match,
    repeatable,
    take,
)
from florascope.doctor.network import Head, answers, examine, find_head, first_inputs, run
from florascope.doctor.photometry import Match, Source
from florascope.doctor.properties import Pictures, measure
from florascope.doctor.provenance import origins
from florascope.doctor.recording import Recording, Watcher, met, pulled, recording_of
from florascope.doctor.retouching import by_retouch, looked_at
from florascope.doctor.retraining import (
    Taken,
    Training,
    prepared_otherwise,
    stack,
    try_again,
)
from florascope.doctor.tail import sureness_by_remedy
from florascope.doctor.traces import modes, overfit_head, read_traces
from florascope.doctor.trials import Loop
from florascope.doctor.watch import keyed
from florascope.errors import DataError, FlorascopeError, check_arguments
from florascope.health.quick_probe import QuickProbe
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent

BATCH = 32


@check_arguments(DataError, known_as="diagnose")
@dataclass(frozen=True, eq=False)
class Script:
    """What a training script can tell beside its model and loaders; the more, the surer.

    Attributes:
        optimizer: the one it trains with.
        loss: its loss module or function; cross-entropy on logits where not given.
        contract: what the weights expect of their input; read from the model where it says so
            (timm's pretrained_cfg).
        frozen: names, or starts of names, of what shall not train ("backbone").
        reference: the pretrained weights, a state dict.
        pretrained: the pretrained network with its own ImageNet head, a batch to logits.
        history: rows with any of train_loss, val_loss, train_top1, val_top1, oldest first.
        reported: figures it reports, such as {"val_top1": 0.05, "val_loss": 4.69}.
        metric: its accuracy, of (outputs, labels).
        test: batches of (images, labels) that measure in the end, to be held against train and val.
        photos: the val photos, in the order of the val data set; found where that is one of
            torchvision's folders.
        serve: photo to tensor (3, h, w) where the network answers.
        deployed: batch to outputs where the network answers.
        augmented: whether train is meant to be augmented; seen in the transform's name otherwise.
        trained: whether training is over, so that answers can be judged.
        watched: florascope.watch of the training loop, or its recording.
        sample: photos of each loader to look at.
    """

    optimizer: Optimizer | None = None
    loss: Any = None
    contract: Preprocessing | None = None
    frozen: Sequence[str] = ()
    reference: Mapping[str, Tensor] | None = None
    pretrained: Callable[[Tensor], Tensor] | None = None
    history: Sequence[Mapping[str, float]] = ()
    reported: Mapping[str, float] = field(default_factory=dict)
    metric: Callable[[Tensor, Tensor], Any] | None = None
    test: loaders.Loader | None = None
    photos: Sequence[Source] = ()
    serve: Callable[[Any], Any] | None = None
    deployed: Callable[[Tensor], Any] | None = None
    augmented: bool | None = None
    trained: bool = True
    watched: Watcher | Recording | None = None
    sample: int = 512


def diagnose(
    model: nn.Module,
    train_loader: loaders.Loader,
    val_loader: loaders.Loader,
    *,
    progress: Progress = silent,
    **told: Any,  # noqa: ANN401 (the fields of Script, which checks them)
) -> Diagnosis:
    """Find out why a training went wrong without an error.

    The model is not touched: every pass is on a copy.

        findings = florascope.diagnose(
            model, train_loader, val_loader, optimizer=optimizer, frozen=["backbone"],
            contract=Preprocessing(), reported={"val_top1": 0.05},
        )
        print(findings)

    Args:
        model: images to (b, K), as it is evaluated (after model.eval(), that is).
        train_loader: batches of (images, labels), as it is trained on.
        val_loader: the same, as it is evaluated on.
        progress: told after each batch.
        told: what else is known, by the names of `Script`'s attributes.

    Returns:
        The findings, most likely cause first.

    Raises:
        DataError: a loader gives nothing, or no (images, labels).
        FlorascopeError: the network cannot take the loader's batches.
    """
    start = time.perf_counter()
    evidence = gather(model, train_loader, val_loader, Script(**told), progress)
    findings = judge(evidence)
    return Diagnosis(findings, time.perf_counter() - start)


def gather(
    model: nn.Module,
    train_loader: loaders.Loader,
    val_loader: loaders.Loader,
    script: Script,
    progress: Progress = silent,
) -> Evidence:
    """Gather everything that the checks look at; see `diagnose`."""
    train_loader, val_loader = (repeatable(x, script.sample) for x in (train_loader, val_loader))
    taken = _take(train_loader, val_loader, script.sample)
    parts = (
        _subset(train_loader, taken.train, progress),
        _subset(val_loader, taken.val, progress),
    )
    images = taken.val[0].images
    if not _takes(model, images):  # a layout that the network cannot take, or would mistake
        width = int(max(part.labels.max() for part in parts)) + 1
        inputs = _inputs(train_loader, val_loader, (taken.train[0].images, images), script)
        return Evidence(width, script.trained, parts[0], parts[1], inputs=inputs)
    twin = copy.deepcopy(model).eval()
    head = find_head(twin, images[:1])
    learned = answers(twin, head, taken.train, "Asking about train", progress)
    unseen = answers(twin, head, taken.val, "Asking about val", progress)
    few = images[:BATCH]
    mixed = stack(taken.val, BATCH)
    layer = model.get_submodule(head.name) if head.module else None
    seen = recording_of(script.watched)
    sides = ((*taken.train, *taken.drawn), taken.val)
    keys = tuple(keyed((b.images, b.labels) for b in side) for side in sides)
    evidence = Evidence(
        **_of_test(script, twin, head, progress),
        classes=learned.outputs.shape[1],
        trained=script.trained,
        train=parts[0],
        val=parts[1],
        train_answers=learned,
        val_answers=unseen,
        inputs=_inputs(
            train_loader, val_loader, (taken.train[0].images, images), script, _Eyes(model, twin)
        ),
        modes=modes(model, *mixed, script.deployed, taken.drawn),
        network=examine(
            model,
            few,
            head,
            optimizer=script.optimizer,
            frozen=script.frozen,
            reference=script.reference,
        ),
        loop=_loop(script, learned, layer),
        claims=Claims(script.reported, _half(script, learned.outputs.shape[1])),
        train_pictures=_pictures(taken.train),
        val_pictures=_pictures(taken.val),
        entering=_entering(model, taken) if could_be_photo(images) else None,
        exchanged=_exchanged(twin, taken.val) if could_be_photo(images) else {},
        drawn=loaders.drawn(train_loader, taken.drawn, taken.train),
        traces=read_traces(model, taken.drawn[0], script.loss, script.optimizer, layer, seen),
        canary=_canary(script, few, script.contract or _own_contract(model)),
        recording=seen,
        pulled=pulled(seen, keys[0], learned.outputs.shape[1]),
        met=met(seen, *keys),
    )
    otherwise = prepared_otherwise(twin, evidence, taken)
    evidence = replace(evidence, exchanged={**evidence.exchanged, **otherwise})
    if script.contract is None and standardisation(evidence) is not None:
        evidence = _standardised(evidence, twin, head, taken)
    fresh = script.reference is None
    training = Training(model, head, script.loss, script.optimizer, from_scratch=fresh)
    return replace(evidence, substitution=try_again(training, evidence, taken, progress))


def _standardised(evidence: Evidence, twin: nn.Module, head: Head, taken: Taken) -> Evidence:
    """Try whether features gain where photos are standardised as the network says of itself."""
    change = as_contracted(evidence.inputs) if evidence.inputs else None
    if change is None or evidence.inputs is None:
        return evidence
    factor, shift = (torch.from_numpy(row).float().reshape(3, 1, 1) for row in change)

    def changed(batches: Sequence[Batch]) -> Answers:
        return answers(twin, head, [b._replace(images=b.images * factor + shift) for b in batches])

    probe = QuickProbe.fit(changed(taken.train), changed(taken.val), evidence.classes)
    tried = None if probe is None else probe.val_top1
    return replace(evidence, inputs=replace(evidence.inputs, standardised=tried))


def _takes(model: nn.Module, images: Tensor) -> bool:
    """Whether the images are photos with channels first, or else what the network takes."""
    if is_photo(images) or (images.ndim == 4 and images.shape[3] == 3):
        return is_photo(images)
    try:
        run(copy.deepcopy(model).eval(), images[:2])
    except FlorascopeError:
        return False
    return True


def _take(train_loader: loaders.Loader, val_loader: loaders.Loader, photos: int) -> Taken:
    """Read both loaders; one that draws at random is a fair sample of its data set."""
    drawn = take(train_loader, photos)
    fair = isinstance(getattr(train_loader, "sampler", None), RandomSampler)
    train = drawn if fair else take(loaders.spread(train_loader, photos), photos)
    val = take(loaders.spread(val_loader, photos), photos)
    steps = [*loaders.random_steps(train_loader), *loaders.collation(train_loader)]
    plain = _plain(train_loader, val_loader, photos)
    return Taken(train, val, drawn, plain, ", ".join(steps), (train_loader, val_loader))


def _plain(train: loaders.Loader, val: loaders.Loader, photos: int) -> list[Batch]:
    """Train photos prepared as val's are; [] where they are so anyway, or cannot be."""
    like_val = loaders.prepared_like(train, val)
    try:
        return [] if like_val is None else take(loaders.spread(like_val, photos), photos)
    except (DataError, RuntimeError, TypeError, ValueError):  # val's way is not made for them
        return []


class _Eyes:
    """What the first convolution sees, and whether it is still the pretrained one."""

    def __init__(self, model: nn.Module, twin: nn.Module) -> None:
        self.twin = twin
        self.contract = _own_contract(model)
        first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
        self.fixed = first is not None and not first.weight.requires_grad

    def __call__(self, images: Tensor) -> Tensor:
        return first_inputs(self.twin, images)


def _pictures(data: Sequence[Batch]) -> Pictures | None:
    if not could_be_photo(data[0].images):
        return None
    images, labels = torch.cat([b.images for b in data]), torch.cat([b.labels for b in data])
    return measure(in_three(images).numpy(), labels.numpy())


def _entering(model: nn.Module, taken: Taken) -> tuple[Pictures, Pictures] | None:
    """Photos of both sides at the first convolution; None where they are the loader's own."""
    sides, changed = list[tuple[Tensor, Tensor]](), False
    for mode, data in ((True, taken.train), (False, taken.val)):
        twin, (images, labels) = copy.deepcopy(model).train(mode), stack(data)
        some = looked_at(len(labels))
        images, labels = images[some], labels[some]
        inside = first_inputs(twin, images)
        changed |= not torch.equal(inside, images)
        if min(inside.shape[2:]) >= min(images.shape[2:]):
            inside = nn.functional.interpolate(inside, images.shape[2:], mode="area")
        sides.append((inside, labels))
    if not changed:
        return None
    train, val = (measure(in_three(inside).numpy(), labels.numpy()) for inside, labels in sides)
    return train, val


def _exchanged(twin: nn.Module, data: Sequence[Batch]) -> dict[str, float]:
    """Val accuracy by what was done to the photos."""
    images, labels = stack(data)

    def named(photos: np.ndarray) -> np.ndarray:
        shown = torch.from_numpy(photos.transpose(0, 3, 1, 2).copy())
        return torch.cat([run(twin, part).argmax(1) for part in shown.split(BATCH)]).numpy()

    return by_retouch(images.float().numpy().transpose(0, 2, 3, 1), labels.numpy(), named)


def _own_contract(model: nn.Module) -> Preprocessing | None:
    """What a network says of its input itself: this project's and timm's do."""
    own = getattr(model, "preprocessing", None)
    if isinstance(own, Preprocessing):
        return own
    for module in model.modules():
        cfg = getattr(module, "pretrained_cfg", None)
        if isinstance(cfg, dict) and "mean" in cfg:
            from florascope.nets.backbone import contract

            return contract(cfg)
    return None


def _inputs(
    train_loader: loaders.Loader,
    val_loader: loaders.Loader,
    batches: tuple[Tensor, Tensor],
    script: Script,
    eyes: _Eyes | None = None,
) -> Inputs | None:
    if eyes is not None and not all(map(could_be_photo, batches)):
        return None
    still = loaders.repeats(val_loader)
    seen: Callable[[Tensor], Tensor] = eyes or (lambda images: images)
    contract = script.contract or (eyes.contract if eyes else None)
    # Pixels that change from one reading to the next cannot be held against the photo's.
    moving = still is False
    found = Match() if moving else match(val_loader, script.photos, contract, script.serve, seen)
    augments = loaders.augments(train_loader) if script.augmented is None else script.augmented
    return Inputs(
        train=in_three(seen(batches[0])).numpy(),
        val=in_three(seen(batches[1])).numpy(),
        contract=contract,
        binding=script.contract is not None or eyes is None or eyes.fixed,
        fit=found.fit,
        rotated=found.rotated,
        serving=found.serving,
        val_repeats=still,
        train_repeats=loaders.repeats(train_loader),
        augments=augments,
        workers_agree=loaders.workers_agree(train_loader),
    )


def _of_test(script: Script, twin: nn.Module, head: Head, progress: Progress) -> dict[str, Any]:
    """The subset, the network's answers and the photos that measure in the end; {} without them."""
    if script.test is None:
        return {}
    data = take(loaders.spread(script.test, script.sample), script.sample)
    return {
        "test": _subset(script.test, data, progress),
        "test_answers": answers(twin, head, data, "Asking about test", progress),
        "test_pictures": _pictures(data),
    }


def _subset(loader: loaders.Loader, data: Sequence[Batch], progress: Progress) -> Subset:
    classes, paths, labels = loaders.known(loader)
    sampled = torch.cat([batch.labels for batch in data]).numpy()
    dataset = loaders.indexable(loader)
    size = len(dataset) if dataset is not None else len(sampled)
    if not paths:
        return Subset(size, sampled, classes)
    from florascope.data.dataset import FilePhoto
    from florascope.health.looks import hashes, look_at_all

    looks = look_at_all([FilePhoto(Path(p)) for p in paths], progress)
    pairs = zip(looks, paths, strict=True)
    digests = tuple(path if look.problem else look.digest.hex() for look, path in pairs)
    known = np.array(labels, np.int64)
    return Subset(size, known, classes, paths, digests, hashes(looks), origins(paths, known))


def _loop(script: Script, train: Answers, layer: nn.Module | None) -> Loop:
    loss = script.loss
    name = "CrossEntropyLoss" if loss is None else getattr(loss, "__name__", type(loss).__name__)
    optimizer = script.optimizer
    rates = tuple(float(g["lr"]) for g in optimizer.param_groups) if optimizer else ()
    tried = None
    K = train.outputs.shape[1]
    usable = 0 <= train.labels.min() <= train.labels.max() < K and np.isfinite(train.features).all()
    if optimizer and isinstance(layer, nn.Linear) and usable:
        features, labels = (torch.from_numpy(x[:BATCH]) for x in (train.features, train.labels))
        tried = overfit_head(features, labels, layer, optimizer)
    out = getattr(loss, "ignore_index", None)
    rows = tuple(dict(row) for row in script.history)
    ignored = out if isinstance(out, int) and 0 <= out < K else None
    given = getattr(loss, "weight", None)
    weights = tuple(given.tolist()) if isinstance(given, Tensor) and given.ndim == 1 else ()
    groups = optimizer.param_groups if optimizer else ()
    first = max((float(g.get("initial_lr", g["lr"])) for g in groups), default=0.0)
    return Loop(name, rates, first, tried, rows, ignored=ignored, weights=weights)


def _half(script: Script, classes: int) -> float | None:
    """What the script's metric says where exactly half of the answers are right."""
    if script.metric is None:
        return None
    labels = torch.arange(4 * classes) % classes
    said = torch.where(torch.arange(len(labels)) < 2 * classes, labels, (labels + 1) % classes)
    outputs = torch.full((len(labels), classes), -6.0).scatter_(1, said[:, None], 6.0)
    return float(script.metric(outputs, labels))


def _canary(script: Script, images: Tensor, contract: Preprocessing | None) -> dict[str, float]:
    if script.pretrained is None or contract is None:
        return {}
    network = script.pretrained
    if isinstance(network, nn.Module):
        twin = copy.deepcopy(network).eval()
        return sureness_by_remedy(lambda batch: run(twin, batch), images[:16], contract)
    return sureness_by_remedy(network, images[:16], contract)
