"""Where does the accuracy go? The training again, short, with one part exchanged at a time.

A run that falls behind what its photos can give has lost the rest in some part: network, tail of
the network, loss, optimizer, or the order of the photos. From a training with every part sound, one
part at a time is exchanged for the script's own; the part that makes it fail is the cause, and what
it loses is the evidence. This needs no list of faults (delta debugging: A. Zeller, "Yesterday, my
program worked. Today, it does not. Why?", 1999).
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from florascope.doctor.loaders import Batch
from florascope.doctor.network import Head, outputs_of
from florascope.doctor.tail import Tail, whole, without_tail
from florascope.doctor.traces import Loss, as_loss, take_step
from florascope.doctor.trials import FAILS, RATE, STEPS, Part, Substitution, Trained, exchange

BATCH = 32
SECONDS = 0.8  # of the processor, for one training
FEWEST = 30  # steps of one training, where a step takes long
SIDE = 32  # pixels of the reference network's photos
WORK = 120 * SIDE**2  # pixels of a photo times steps of the reference: 1.6 s of one thread

MakeOptimizer = Callable[[nn.Module], Optimizer]


@dataclass(frozen=True, eq=False)
class Material:
    """What is trained on and measured with.

    Attributes:
        train: (n, ...) inputs with (n,) labels, in any order.
        val: likewise.
        drawn: batches as the script's loader gives them.
        augmented: train as its loader prepares it; None where `train` is.
    """

    train: tuple[Tensor, Tensor]
    val: tuple[Tensor, Tensor]
    drawn: Sequence[tuple[Tensor, Tensor]]
    augmented: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a training.

    Attributes:
        network: makes a network that has not learned yet.
        loss: of outputs and class numbers.
        optimizer: makes one for a network.
        drawn: whether batches come as the script's loader gives them; drawn at random otherwise.
        augmented: whether photos are prepared as train's are; as val's otherwise.
    """

    network: Callable[[], nn.Module]
    loss: Loss
    optimizer: MakeOptimizer
    drawn: bool = False
    augmented: bool = False


def sound_optimizer(network: nn.Module) -> Optimizer:
    """Adam at a rate that suits small networks."""
    return Adam((p for p in network.parameters() if p.requires_grad), RATE)


def train(parts: Parts, material: Material, seconds: float = SECONDS, steps: int = STEPS) -> float:
    """Train for some steps, fewer where they take long; returns the share of val answered right."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(0)
        network = parts.network().train()
        optimizer = parts.optimizer(network)
        start = time.process_time()
        for made, (inputs, labels) in enumerate(_batches(parts, material), start=1):
            take_step(optimizer, partial(_loss, parts, network, inputs, labels))
            if made >= steps or (made >= FEWEST and time.process_time() - start > seconds):
                break
        return _accuracy(network, material.val)


def _loss(parts: Parts, network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    return parts.loss(outputs_of(network(inputs)), labels)


def _batches(parts: Parts, material: Material) -> Iterator[tuple[Tensor, Tensor]]:
    inputs, labels = (parts.augmented and material.augmented) or material.train
    while True:
        if parts.drawn:
            yield from material.drawn
            continue
        order = torch.randperm(len(labels))
        # A rest of one photo is no batch: BatchNorm refuses it.
        yield from ((inputs[i], labels[i]) for i in order.split(BATCH) if len(i) > 1)


@torch.no_grad()
def _accuracy(network: nn.Module, val: tuple[Tensor, Tensor]) -> float:
    network.eval()
    answers = torch.cat([outputs_of(network(part)).argmax(1) for part in val[0].split(BATCH)])
    return float((answers == val[1]).float().mean())


def like(optimizer: Optimizer, names: Mapping[int, str], **settings: float) -> MakeOptimizer:
    """Return a maker of optimizers of the same kind and settings.

    A schedule's present rate says little: the rate that it started from is taken.

    Args:
        optimizer: the script's; it is not touched.
        names: of its parameters, by id.
        settings: that are exchanged.
    """
    kind: Any = type(optimizer)
    groups = [
        {
            **{k: v for k, v in group.items() if k not in {"params", "initial_lr"}},
            "lr": _rate(group),
            **{k: v for k, v in settings.items() if k in group},
            "params": [names[id(p)] for p in group["params"] if id(p) in names],
        }
        for group in optimizer.param_groups
    ]

    def make(network: nn.Module) -> Optimizer:
        own = dict(whole(network).named_parameters())
        held = [{**g, "params": [own[n] for n in g["params"] if n in own]} for g in groups]
        made: Optimizer = kind([g for g in held if g["params"]] or [{"params": [_nothing()]}])
        return made

    return make


def _nothing() -> nn.Parameter:
    return nn.Parameter(torch.zeros(1))


def fresh(model: nn.Module) -> nn.Module:
    """Return a copy whose trainable layers are as they are made."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        reset: Any = getattr(module, "reset_parameters", None)
        own = list(module.parameters(recurse=False))
        if callable(reset) and own and all(p.requires_grad for p in own):
            reset()
    return twin


def reference(material: Material, classes: int) -> float:
    """Accuracy of a small convolutional network of our own on the same photos.

    Three blocks of convolution, BatchNorm, ReLU and max pooling, on photos of 32 x 32; 0 where
    there are no photos. It ends after a number of steps, not seconds: the gap is measured by it,
    and a busy machine would measure another one.
    """
    if material.train[0].ndim != 4:
        return 0.0
    small = Material(
        (_shrink(material.train[0]), material.train[1]),
        (_shrink(material.val[0]), material.val[1]),
        (),
    )
    made = partial(_reference, classes, material.train[0].shape[1])
    height, width = small.train[0].shape[2:]
    steps = min(2 * STEPS, max(FEWEST, WORK // (height * width)))
    return train(Parts(made, as_loss(None), sound_optimizer), small, math.inf, steps)


def _shrink(images: Tensor) -> Tensor:
    """Make photos small, channels last: a step on a CPU takes a fifth less time."""
    small = images
    if images.shape[-1] > SIDE:
        small = nn.functional.interpolate(images, (SIDE, SIDE), mode="area")
    return small.contiguous(memory_format=torch.channels_last)


def _block(channels: int, width: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels, width, 3, padding=1)
    return convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)


def _reference(classes: int, channels: int) -> nn.Module:
    widths = (channels, 16, 32, 64)
    blocks = [layer for one, two in pairwise(widths) for layer in _block(one, two)]
    tail = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
    network = nn.Sequential(nn.BatchNorm2d(channels), *blocks, *tail)
    return network.to(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class Suspect:
    """A training to be tried again.

    Attributes:
        clean: makes a fresh network that ends in logits.
        own: the same with the script's tail.
        tail: name of the tail; "" where there is none.
        names: of the parameters, by id.
        what: that is trained.
    """

    clean: Callable[[], nn.Module]
    own: Callable[[], nn.Module]
    tail: str
    names: Mapping[int, str]
    what: Trained


def of_head(layer: nn.Linear, tail: Tail | None, classes: int) -> Suspect:
    """The last layer alone, on cached features."""
    names = {id(p): f"layer.{n}" for n, p in layer.named_parameters()}
    apply = tail.apply if tail else lambda z: z[:, :classes]
    sizes = (layer.in_features, layer.out_features)
    return Suspect(
        lambda: _Headed(*sizes, lambda z: z[:, :classes]),
        lambda: _Headed(*sizes, apply),
        tail.name if tail else "",
        names,
        "head",
    )


class _Headed(nn.Module):
    """A linear layer and what follows it."""

    def __init__(self, width: int, outputs: int, tail: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.tail = nn.Linear(width, outputs), tail

    def forward(self, features: Tensor) -> Tensor:
        """Features to outputs (b, K)."""
        return self.tail(self.layer(features))


def of_network(model: nn.Module, head: Head, tail: Tail | None, classes: int) -> Suspect:
    """The whole network, from weights drawn anew."""
    names = {id(p): n for n, p in model.named_parameters()}
    own = partial(fresh, model)
    known = tail is None or bool(tail.name)
    clean = (lambda: without_tail(own(), head, classes)) if head.module and known else own
    word = "" if not known else (tail.name if tail else "what follows the last layer")
    return Suspect(clean, own, word if head.module else "", names, "network")


def substitute(
    suspect: Suspect,
    material: Material,
    loss: Any,  # noqa: ANN401 (a module, a function, or nothing)
    optimizer: Optimizer | None,
    reference_top1: float,
) -> Substitution:
    """Train again, with each part of a sound training exchanged for the script's own."""
    sound = Parts(suspect.clean, as_loss(None), sound_optimizer)
    changes = _changes(suspect, material, loss, optimizer)

    def with_own(parts: frozenset[Part]) -> float:
        changed = {k: v for part in changes if part in parts for k, v in changes[part].items()}
        return train(replace(sound, **changed), material)

    found = exchange(tuple(changes), with_own)
    if found.own.get("loss", 1.0) < found.sound - FAILS:
        eased = {name: as_loss(made) for name, made in _eased(loss).items()}
        own = replace(sound, network=suspect.own)
        settings = {n: train(replace(own, loss=made), material) for n, made in eased.items()}
        return Substitution(reference_top1, suspect.what, found, settings, tail=suspect.tail)
    failing = optimizer is not None and found.own["optimizer"] < found.sound - FAILS
    return Substitution(
        reference_top1,
        suspect.what,
        found,
        _settings(sound, material, optimizer, suspect.names) if failing and optimizer else {},
        _in_words(optimizer) if optimizer else "",
        max(_rate(group) for group in optimizer.param_groups) if optimizer else 0.0,
        suspect.tail,
    )


def _changes(
    suspect: Suspect,
    material: Material,
    loss: Any,  # noqa: ANN401
    optimizer: Optimizer | None,
) -> dict[Part, dict[str, Any]]:
    """What of a sound training each part of the script's would change."""
    found: dict[Part, dict[str, Any]] = {}
    if material.augmented is not None:
        found["augmentation"] = {"augmented": True}
    if suspect.tail:
        found["tail"] = {"network": suspect.own}
    if loss is not None and not _usual(loss):
        found["loss"] = {"network": suspect.own, "loss": as_loss(loss)}
    if material.drawn:
        found["order"] = {"drawn": True}
    if optimizer is not None:
        found["optimizer"] = {"optimizer": like(optimizer, suspect.names)}
    return found


def _eased(loss: Any) -> dict[str, Any]:  # noqa: ANN401
    """The loss with one of its settings as usual, by the setting's name."""
    usual = {"label_smoothing": 0.0, "weight": None, "reduction": "mean"}
    made = {}
    for name, value in usual.items():
        if isinstance(loss, nn.Module) and hasattr(loss, name):
            made[name] = copy.deepcopy(loss)
            setattr(made[name], name, value)
    return made


SMOOTH = 0.3  # of label smoothing: the usual is 0.1


def _usual(loss: Any) -> bool:  # noqa: ANN401
    """Whether a loss is cross-entropy with its usual settings."""
    plain = isinstance(loss, nn.CrossEntropyLoss)
    return plain and loss.weight is None and loss.label_smoothing <= SMOOTH


def _rate(group: Mapping[str, Any]) -> float:
    return float(group.get("initial_lr", group["lr"]))


def _in_words(optimizer: Optimizer) -> str:
    group = optimizer.param_groups[0]
    told = [f"{name} {group[name]:g}" for name in ("momentum", "weight_decay") if group.get(name)]
    return ", ".join([type(optimizer).__name__, f"lr {_rate(group):g}", *told])


USUAL = {"weight_decay": 0.0, "lr": RATE, "momentum": 0.9, "eps": 1e-8}


def _settings(
    sound: Parts, material: Material, optimizer: Optimizer, names: Mapping[int, str]
) -> dict[str, float]:
    """Accuracy with one setting of the optimizer exchanged for its usual value."""
    present = [s for s in USUAL if s in optimizer.param_groups[0]]
    makers = {s: like(optimizer, names, **{s: USUAL[s]}) for s in present}
    return {
        s: train(Parts(sound.network, sound.loss, maker), material) for s, maker in makers.items()
    }


def affordable(network: Callable[[], nn.Module], batch: Batch) -> bool:
    """Whether a training of the whole network takes seconds."""
    few = batch.images[:8]
    twin = network().train()
    with torch.enable_grad():
        try:
            outputs_of(twin(few)).sum().backward()
            start = time.process_time()
            outputs_of(twin(few)).sum().backward()
        except RuntimeError:  # nothing in it trains
            return False
    share = min(BATCH, max(len(batch.labels), 1)) / len(few)
    return (time.process_time() - start) * share * FEWEST < 4 * SECONDS
