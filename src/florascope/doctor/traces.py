"""What a training left behind: answers in every mode, weights, gradients, and more steps."""

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from florascope.doctor.anatomy import ALONE, IN_BOTH, Modes, Paired, Traces
from florascope.doctor.loaders import Batch
from florascope.doctor.network import NARROW, outputs_of, run
from florascope.doctor.recording import Recording
from florascope.doctor.trials import Overfit
from florascope.doctor.watch import corner
from florascope.errors import FlorascopeError

Loss = Callable[[Tensor, Tensor], Tensor]
ENOUGH = 100  # weights that show how they were drawn
EVEN = 0.15  # relative error of their deviation
FEW = 16  # photos of the fresh gradient


def modes(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    deployed: Any = None,  # noqa: ANN401
    drawn: Sequence[Batch] = (),
) -> Modes:
    """Some photos in every mode, each on a copy: a pass in train mode changes the network.

    Args:
        model: as it was handed over.
        images: of val.
        labels: theirs.
        deployed: batch to outputs where the network answers.
        drawn: batches that it was trained in; () for all photos at once.
    """
    twin = copy.deepcopy(model).eval()
    evaluated = run(twin, images).numpy()
    still = not any(module.training for module in model.modules())
    narrow = next(model.parameters(), images).dtype in NARROW
    single = _in_single(model, images) if narrow else None
    with torch.no_grad():
        other = None if deployed is None else torch.as_tensor(deployed(images)).float().cpu()
    trained = _in_train_mode(model, images, len(drawn[0].labels) if drawn else 0)
    alike = np.allclose(trained, evaluated, rtol=1e-3, atol=1e-4)
    return Modes(
        training=model.training,
        labels=labels.numpy(),
        given=evaluated if still else run(copy.deepcopy(model), images).numpy(),
        evaluated=evaluated,
        trained=trained,
        single=single,
        deployed=None if other is None else other.numpy(),
        alone=_alone(twin, images),
        again=run(twin, images).numpy(),
        learned=None if alike else _in_both_modes(model, twin, drawn),
    )


def _in_single(model: nn.Module, images: Tensor) -> Any:  # noqa: ANN401 (an array, or None)
    """Outputs (b, K) in 32-bit floats; None of a network that casts its own input."""
    try:
        return run(copy.deepcopy(model).float().eval(), images).numpy()
    except FlorascopeError:
        return None


@contextmanager
def _training(model: nn.Module) -> Iterator[nn.Module]:
    """A copy in train mode; what it draws (dropout) is the same each time, and nobody else's."""
    like = next(model.parameters(), torch.empty(0))
    with torch.random.fork_rng([like.device] if like.is_cuda else []):
        torch.manual_seed(0)
        yield copy.deepcopy(model).train()


def _in_train_mode(model: nn.Module, images: Tensor, size: int) -> Any:  # noqa: ANN401 (an array)
    """Outputs in train mode, in batches of the training's own size, as BatchNorm saw them."""
    whole = size < 1 or len(images) % size == 1 < size  # a rest of one photo is no batch
    parts = [images] if whole else images.split(size)
    try:
        with _training(model) as twin:
            return torch.cat([run(twin, part) for part in parts]).numpy()
    except FlorascopeError:
        with _training(model) as twin:
            return run(twin, images).numpy()


def _in_both_modes(model: nn.Module, twin: nn.Module, drawn: Sequence[Batch]) -> Paired | None:
    """Train photos in both modes; None where there are none, or train mode takes no such batch.

    Args:
        model: the network.
        twin: a copy in eval mode.
        drawn: batches as they are trained on: BatchNorm saw no others.
    """
    images, labels = [b.images[:IN_BOTH] for b in drawn], [b.labels[:IN_BOTH] for b in drawn]
    count = 1 + int(np.searchsorted(np.cumsum([len(one) for one in labels]), IN_BOTH))
    try:
        with _training(model) as learning:
            trained = [run(learning, part) for part in images[:count]]
        evaluated = [run(twin, part) for part in images[:count]]
    except FlorascopeError:
        return None
    if not trained:
        return None
    asked = (torch.cat(part).numpy() for part in (labels[:count], trained, evaluated))
    return Paired.of(*asked)


def _alone(twin: nn.Module, images: Tensor) -> Any:  # noqa: ANN401 (an array, or None)
    """Outputs of the first photos, one by one; None where the network takes no batch of one."""
    try:
        return torch.cat([run(twin, one[None]) for one in images[:ALONE]]).numpy()
    except FlorascopeError:
        return None


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
