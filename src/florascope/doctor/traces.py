"""What a training left behind in its network and optimizer, and what more of its steps would do."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from florascope.doctor.anatomy import Traces
from florascope.doctor.loaders import Batch
from florascope.doctor.network import NARROW, outputs_of
from florascope.doctor.recording import Recording
from florascope.doctor.trials import Overfit
from florascope.doctor.watch import corner

Loss = Callable[[Tensor, Tensor], Tensor]
ENOUGH = 100  # weights that show how they were drawn
EVEN = 0.15  # relative error of their deviation
FEW = 16  # photos of the fresh gradient


def read_traces(
    model: nn.Module,
    batch: Batch,
    loss: Any,  # noqa: ANN401 (a module, a function, or nothing)
    optimizer: Optimizer | None,
    layer: nn.Module | None = None,
    recording: Recording | None = None,
) -> Traces:
    """Look at weights, gradients and the optimizer's memory; the network is not touched.

    Args:
        model: as training left it.
        batch: of train photos.
        loss: the script's, or None for cross-entropy.
        optimizer: the script's.
        layer: the network's last one.
        recording: of the loop.
    """
    broken = tuple(n for n, p in model.named_parameters() if not bool(p.isfinite().all()))
    fresh = {} if broken else _fresh(model, batch, as_loss(loss))
    held = [p for p in _held(optimizer) if p.grad is not None] if optimizer else []
    return Traces(
        steps=_steps(optimizer) if optimizer else None,
        gradient_left=_norm(p.grad for p in held) if held else None,
        gradient_fresh=_norm(fresh.values())
        if any(g is not None for g in fresh.values())
        else None,
        unreached=tuple(n for n, g in fresh.items() if g is None),
        dead=tuple(n for n, g in fresh.items() if g is not None and not bool(g.any())),
        as_made=_as_made(layer) if isinstance(layer, nn.Linear) else None,
        not_finite=broken,
        otherwise=_otherwise(model, recording) if recording and recording.left else None,
        narrow=tuple(
            n for n, p in model.named_parameters() if p.requires_grad and p.dtype in NARROW
        ),
    )


def _otherwise(model: nn.Module, recording: Recording) -> bool | None:
    """Whether parameters differ from what a watched loop's last step left; None where unknown."""
    own = dict(model.named_parameters())
    pairs = [(own[name], left) for name, left in recording.left.items() if name in own]
    now = [(corner(ours).float().cpu().numpy(), left) for ours, left in pairs]
    return any(not np.array_equal(a, b) for a, b in now) if now else None


def as_loss(loss: Any) -> Loss:  # noqa: ANN401 (a module, a function, or nothing)
    """Return a loss of outputs and class numbers that gives one number.

    Losses that want one value a class (BCEWithLogitsLoss, MSELoss) get one-hot labels.
    """
    given = loss if callable(loss) else nn.functional.cross_entropy

    def one_number(outputs: Tensor, labels: Tensor) -> Tensor:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # MSELoss broadcasts (b,) to (b, K), and only warns
                found = given(outputs, labels)
        except (RuntimeError, ValueError, IndexError, UserWarning):
            found = given(outputs, nn.functional.one_hot(labels, outputs.shape[1]).float())
        value: Tensor = found.mean()
        return value

    return one_number


def _fresh(model: nn.Module, batch: Batch, loss: Loss) -> dict[str, Tensor | None]:
    """Gradients of one batch, by parameter; {} where the network or the loss does not take it."""
    twin = copy.deepcopy(model).train()
    like = next(twin.parameters(), batch.images)
    twin.zero_grad(set_to_none=True)
    try:
        with torch.enable_grad():
            outputs = outputs_of(twin(batch.images[:FEW].to(like.device, like.dtype)))
            loss(outputs, batch.labels[:FEW].to(like.device)).backward()
    except (RuntimeError, ValueError, IndexError, TypeError):
        return {}
    return {n: p.grad for n, p in twin.named_parameters() if p.requires_grad}


def _as_made(layer: nn.Linear) -> bool | None:
    """Whether weights lie within 1 / sqrt(inputs), evenly, as `nn.Linear` draws them.

    None of few weights, or of a layer whose weights something else drew.
    """
    if layer.weight.numel() < ENOUGH:
        return None
    bound = 1 / math.sqrt(layer.in_features)
    inside = float(layer.weight.detach().abs().max()) <= bound * (1 + 1e-4)
    even = abs(float(layer.weight.detach().std()) * math.sqrt(3) / bound - 1) < EVEN
    return inside and even


def _held(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _steps(optimizer: Optimizer) -> int | None:
    """Steps that the optimizer counts; 0 where one that should remember something does not."""
    states = [state for state in optimizer.state.values() if state]
    counted = [int(state["step"]) for state in states if "step" in state]
    if counted:
        return max(counted)
    remembers = "betas" in optimizer.defaults or bool(optimizer.defaults.get("momentum"))
    return 0 if remembers and not states else None


def _norm(gradients: Iterable[Tensor | None]) -> float:
    return math.sqrt(
        sum(float(g.detach().double().square().sum()) for g in gradients if g is not None)
    )


STEPS = 30
GOOD_RATES = (1e-3, 1e-2, 1e-1)  # of Adam, on scaled features


def overfit_head(
    features: Tensor, labels: Tensor, layer: nn.Linear, optimizer: Optimizer
) -> Overfit:
    """Fit a fresh last layer to one batch of features with the script's optimizer and settings.

    A fresh layer, because a trained one has nothing left to learn. Its losses are held against the
    best that Adam reaches in as many steps at one of GOOD_RATES.

    Args:
        features: (b, c) that the layer sees.
        labels: (b,).
        layer: the network's last one.
        optimizer: whose kind and settings are tried; it is not touched.
    """
    group = next((g for g in optimizer.param_groups if _holds(g, layer)), optimizer.param_groups[0])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = nn.Linear(features.shape[1], layer.out_features)
    losses = _descend(fresh, features, labels, partial(_same_kind, optimizer, group))
    scaled = (features - features.mean(0)) / (features.std() + 1e-6)
    reached = [_descend(fresh, scaled, labels, partial(Adam, lr=rate))[-1] for rate in GOOD_RATES]
    return Overfit(losses, min((loss for loss in reached if math.isfinite(loss)), default=0.0))


def _holds(group: dict[str, Any], layer: nn.Module) -> bool:
    own = {id(p) for p in layer.parameters()}
    return any(id(p) in own for p in group["params"])


def _same_kind(optimizer: Optimizer, group: dict[str, Any], parameters: Any) -> Optimizer:  # noqa: ANN401
    settings = {key: value for key, value in group.items() if key != "params"}
    if "maximize" in settings:  # of a negative loss, say: the loss here is one to lower
        settings["maximize"] = False
    kind: Any = type(optimizer)
    made: Optimizer = kind([{**settings, "params": list(parameters)}])
    return made


def take_step(optimizer: Optimizer, loss: Callable[[], Tensor]) -> float:
    """Make one step, with a closure where the optimizer asks for one (LBFGS); returns the loss."""

    def differentiate() -> float:
        with torch.enable_grad():
            optimizer.zero_grad()
            found = loss()
            found.backward()
        return found.item()

    asked = inspect.signature(optimizer.step).parameters.get("closure")
    if asked is not None and asked.default is inspect.Parameter.empty:
        return float(optimizer.step(differentiate))
    before = differentiate()
    optimizer.step()
    return before


def _descend(
    fresh: nn.Linear, features: Tensor, labels: Tensor, make: Callable[[Any], Optimizer]
) -> tuple[float, ...]:
    layer = copy.deepcopy(fresh)
    optimizer = make(layer.parameters())
    losses = []
    for _ in range(STEPS):
        loss = take_step(optimizer, lambda: nn.functional.cross_entropy(layer(features), labels))
        losses.append(loss)
    with torch.no_grad():
        losses.append(float(nn.functional.cross_entropy(layer(features), labels)))
    return tuple(losses)
