"""What a network's parameters tell: which train, which move, which are the pretrained ones."""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from florascope.doctor.evidence import Network, Norm
from florascope.doctor.forward import Head, run

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
        name = next((n for n in state if n == key or n.endswith(f".{key}")), "")
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
        yield Norm(name, frozen, name in moving, drifts[name])


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
