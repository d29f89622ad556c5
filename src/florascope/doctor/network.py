"""What a network does on a few batches, its parameters, and whether it can learn at all."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from florascope.doctor.anatomy import Layer, Network, Norm
from florascope.doctor.evidence import Answers
from florascope.doctor.loaders import Batch
from florascope.errors import FlorascopeError
from florascope.progress import Progress, silent, track

NARROW = frozenset({torch.float16, torch.bfloat16})


class Head(NamedTuple):
    """The last linear layer to be called.

    Attributes:
        name: of the module; "" where the network has none.
        module: the layer, or None.
    """

    name: str
    module: nn.Module | None


def find_head(model: nn.Module, images: Tensor) -> Head:
    """Find the linear layer that is called last."""
    called: list[Head] = []
    handles = [
        module.register_forward_hook(lambda m, _i, _o, n=name: called.append(Head(n, m)))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        run(model, images)
    finally:
        for handle in handles:
            handle.remove()
    return called[-1] if called else Head("", None)


def run(model: nn.Module, images: Tensor) -> Tensor:
    """Outputs (b, K) without gradients, on the network's own device and in its own precision.

    A photo alone goes twice: some networks normalise over the photos of a batch, and take no one.

    Raises:
        FlorascopeError: the network fails on the batch, or its outputs are not (b, K).
    """
    like = next(model.parameters(), images)
    try:
        with torch.no_grad():
            given = images if len(images) != 1 else images.repeat(2, *[1] * (images.ndim - 1))
            outputs = outputs_of(model(given.to(like.device, like.dtype)))[: len(images)]
    except (RuntimeError, ValueError, TypeError) as error:
        raise FlorascopeError(
            f"the network fails on a batch of shape {tuple(images.shape)} ({error})",
            expected="a network that takes the loader's batches",
        ) from error
    return outputs.float().cpu()


def outputs_of(answer: Any) -> Tensor:  # noqa: ANN401 (whatever the network gives)
    """Find the outputs (b, K): a tensor, `.logits`, ["logits"], or the first of a tuple.

    Raises:
        FlorascopeError: there are none.
    """
    found = answer
    if isinstance(found, Mapping):
        found = found.get("logits")
    elif isinstance(found, tuple | list) and found:
        found = found[0]
    found = getattr(found, "logits", found)
    if not isinstance(found, Tensor) or found.ndim != 2:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(answer).__name__
        raise FlorascopeError(f"the network gives {shape}", expected="outputs of shape (b, K)")
    return found


class _SeenError(Exception):
    """Stops a pass once the first convolution has been reached."""


def first_inputs(model: nn.Module, images: Tensor) -> Tensor:
    """What the first convolution sees of a batch, after any normalisation inside the network.

    The batch itself where the network has no convolution that sees (b, 3, height, width).
    """
    seen: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs[0][: len(images)].detach().float().cpu())
        raise _SeenError

    handles = [
        module.register_forward_pre_hook(keep)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        run(model, images)
    except _SeenError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    usable = seen and seen[0].ndim == 4 and seen[0].shape[:2] == (len(images), 3)
    return seen[0] if usable else images


def answers(
    twin: nn.Module,
    head: Head,
    data: Sequence[Batch],
    what: str = "Asking the network",
    progress: Progress = silent,
) -> Answers:
    """Outputs, and the features that enter the last linear layer, one row a photo.

    Of a network that looks at several views of each (its mirror image, crops) their mean; where
    that cannot be told, the outputs once more.

    Args:
        twin: a copy of the network, in eval mode.
        head: its last linear layer.
        data: batches.
        what: the step, for progress.
        progress: told after each batch.
    """
    seen: list[Tensor] = []
    outputs: list[Tensor] = []
    features: list[Tensor | None] = []
    layer = head.module or twin
    handle = layer.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].float()))
    try:
        for batch in track(data, len(data), what, progress):
            seen.clear()
            outputs.append(run(twin, batch.images))
            features.append(_of_each_photo(seen, len(outputs[-1])))
    finally:
        handle.remove()
    told = [one for one in features if one is not None]
    labels = torch.cat([batch.labels for batch in data])
    sizes = tuple(len(batch.labels) for batch in data)
    rows = torch.cat(told if len(told) == len(data) else outputs)
    return Answers(labels.numpy(), torch.cat(outputs).numpy(), rows.numpy(), sizes)


def _of_each_photo(seen: list[Tensor], photos: int) -> Tensor | None:
    """What a layer saw of each photo, (photos, c): the mean over its views, one after the other.

    None where the layer was left out, or does not see as many rows of each photo.
    """
    rows = torch.cat([part.detach().flatten(1).cpu() for part in seen]) if seen else torch.empty(0)
    views, left = divmod(len(rows), photos)
    return None if left or not views else rows.reshape(views, photos, -1).mean(0)


BatchNorms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
Norms = (*BatchNorms, nn.LayerNorm, nn.GroupNorm)
Weights = Mapping[str, Tensor]
ROUNDING = 1e-3  # relative: a bundle may keep its weights in half precision (2^-11)


def examine(
    model: nn.Module,
    images: Tensor,
    head: Head,
    *,
    optimizer: Optimizer | None = None,
    frozen: Sequence[str] = (),
    reference: Weights | None = None,
) -> Network:
    """Look at every parameter.

    Args:
        model: the network.
        images: a batch, for one pass of a copy in train mode.
        head: the last layer.
        optimizer: the script's.
        frozen: names, or starts of names, of modules and parameters meant to stay as they are.
        reference: the pretrained weights, under the network's names or the ends of them.
    """
    names = [name for name, _ in model.named_parameters()]
    meant = tuple(n for n in names if any(n == f or n.startswith(f"{f}.") for f in frozen))
    pairs = _pairs(model, reference or {})
    return Network(
        trainable=tuple(n for n, p in model.named_parameters() if p.requires_grad),
        optimised=None if optimizer is None else _optimised(model, optimizer),
        meant_frozen=meant,
        head=tuple(n for n in names if head.name and n.startswith(f"{head.name}.")),
        similarity={
            key: _cosine(ours, theirs)
            for key, (_, ours, theirs) in pairs.items()
            # Scales of 1 are like any scale; statistics are BatchNorm's matter; 0 has no direction.
            if theirs.ndim > 1 and bool(theirs.any())
        },
        changed=tuple(
            name
            for name, ours, theirs in pairs.values()
            if name in meant and ours is not None and not _same(ours, theirs)
        ),
        untouched=_untouched(model),
        norms=tuple(_norms(model, images, pairs, meant)),
        layers=activity(model, images),
        hidden=tuple(_hidden(model)),
    )


def _hidden(model: nn.Module) -> Iterator[str]:
    """Parameters of modules that stand in a plain list, tuple or dictionary of the network's."""
    known = {id(p) for p in model.parameters()}
    for owner, module in model.named_modules():
        for name, value in vars(module).items():
            if not name.startswith("_"):  # there PyTorch keeps what it knows
                place = f"{owner}.{name}".removeprefix(".")
                yield from (n for n, p in _listed(value, place) if id(p) not in known)


def _listed(value: Any, place: str) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401 (an attribute)
    """Parameters that ask for a gradient of the modules in a list, tuple or dictionary."""
    if not isinstance(value, list | tuple | dict):
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(part, nn.Module):
            for name, parameter in part.named_parameters():
                if parameter.requires_grad:
                    yield f"{place}[{key!r}].{name}", parameter


def activity(model: nn.Module, images: Tensor) -> tuple[Layer, ...]:
    """What each module without modules of its own does with a batch, in the order of the calls."""
    twin, found = copy.deepcopy(model).eval(), list[Layer]()

    def see(module: nn.Module, _inputs: Any, given: Any, name: str) -> None:  # noqa: ANN401
        if isinstance(given, Tensor) and given.ndim > 1 and given.is_floating_point():
            found.append(_layer(name, module, given))

    for name, module in twin.named_modules():
        if not any(module.children()):
            module.register_forward_hook(partial(see, name=name))
    run(twin, images)
    return tuple(found)


def _alike(weight: Tensor) -> bool:
    """Whether every unit has the first one's weights; zeros are a usual start."""
    return bool(weight.any()) and torch.equal(weight, weight[:1].expand_as(weight))


def _layer(name: str, module: nn.Module, given: Tensor) -> Layer:
    axis = 1 if given.ndim in {2, 4} else given.ndim - 1
    # What ends in zeros by design (a residual branch at its start) is no dead unit: ReLUs are.
    rectifies = "ReLU" in type(module).__name__
    units = given.transpose(0, axis)
    weight = getattr(module, "weight", None)
    drawn = isinstance(module, nn.Linear | nn.Conv2d) and len(module.weight) > 1
    return Layer(
        name=name,
        kind=type(module).__name__,
        units=len(units),
        dead=1 - float(units.flatten(1).any(1).float().mean()) if rectifies else 0.0,
        dropped=float(module.p) if isinstance(module, nn.Dropout) else 0.0,
        alike=drawn and isinstance(weight, Tensor) and _alike(weight),
        trainable=isinstance(weight, Tensor) and weight.requires_grad,
    )


def _optimised(model: nn.Module, optimizer: Optimizer) -> tuple[str, ...]:
    ids = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return tuple(name for name, p in model.named_parameters() if id(p) in ids)


def _pairs(model: nn.Module, reference: Weights) -> dict[str, tuple[str, Tensor | None, Tensor]]:
    """Pretrained weight -> (our name, our weight or None, pretrained weight), weights alone."""
    state = {n: t.detach().float().cpu() for n, t in model.state_dict().items()}
    found: dict[str, tuple[str, Tensor | None, Tensor]] = {}
    for key, theirs in reference.items():
        if theirs.ndim == 0:  # a counter of batches
            continue
        ends = (n for n in state if n == key or n.endswith(f".{key}"))
        name = min(ends, key=len, default="")  # "bn2" is not "blocks.0.bn2", whichever comes first
        ours = state.get(name)
        fits = ours is not None and ours.shape == theirs.shape
        found[key] = (name, ours if fits else None, theirs.detach().float().cpu())
    return found


def _same(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours, theirs, rtol=ROUNDING, atol=1e-6)


def _cosine(ours: Tensor | None, theirs: Tensor) -> float:
    if ours is None:
        return 0.0
    if torch.equal(ours, theirs):
        return 1.0
    return float(torch.cosine_similarity(ours.flatten(), theirs.flatten(), 0))


def _untouched(model: nn.Module) -> float:
    """Share of normalisation layers with scale 1 and shift 0 everywhere, as they are made."""
    layers = [m for m in model.modules() if isinstance(m, Norms) and m.weight is not None]
    fresh = [bool((m.weight == 1).all()) and bool((m.bias == 0).all()) for m in layers]
    return sum(fresh) / len(fresh) if fresh else 0.0


def _norms(
    model: nn.Module,
    images: Tensor,
    pairs: Mapping[str, tuple[str, Tensor | None, Tensor]],
    meant: Sequence[str],
) -> Iterator[Norm]:
    theirs = {name: value for name, _, value in pairs.values()}
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, BatchNorms) and layer.running_mean is not None
    }
    drifts = {name: _drift(name, layer.running_mean, theirs) for name, layer in layers.items()}
    # How far a layer has moved says more than that it would: no pass where every drift is known.
    moving = _moving(model, images) if None in drifts.values() else frozenset()
    for name, layer in layers.items():
        trains = layer.weight is not None and layer.weight.requires_grad
        frozen = not trains or f"{name}.weight" in meant
        made = _as_made(layer.running_mean, layer.running_var)
        yield Norm(name, frozen, name in moving, drifts[name], layer.momentum, made)


def _as_made(mean: Tensor | None, variance: Tensor | None) -> bool:
    """Whether running statistics are mean 0 and variance 1, with which PyTorch begins."""
    if mean is None or variance is None:
        return False
    return not bool(mean.any()) and torch.equal(variance, torch.ones_like(variance))


def _moving(model: nn.Module, images: Tensor) -> frozenset[str]:
    """Layers whose running mean a pass in train mode changes."""
    twin = copy.deepcopy(model).train()
    run(twin, images)
    before = dict(model.named_buffers())
    return frozenset(
        name.removesuffix("running_mean").removesuffix(".")
        for name, mean in twin.named_buffers()
        if name.endswith("running_mean") and not torch.equal(mean, before[name])
    )


def _drift(name: str, mean: Tensor | None, theirs: Mapping[str, Tensor]) -> float | None:
    """Move of the running mean in units of the pretrained running deviation."""
    before, spread = theirs.get(f"{name}.running_mean"), theirs.get(f"{name}.running_var")
    if mean is None or before is None or spread is None or before.shape != mean.shape:
        return None
    move = (mean.detach().float().cpu() - before).square() / (spread + 1e-5)
    return math.sqrt(float(move.mean()))
