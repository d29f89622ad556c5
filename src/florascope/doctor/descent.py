"""A few steps of an optimizer: is one batch learned, with its own settings and with good ones?"""

import copy
import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from florascope.doctor.trials import Overfit

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
