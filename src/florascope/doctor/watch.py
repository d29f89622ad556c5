"""A recorder for a PyTorch training loop: what is drawn, differentiated, clipped and stepped.

It looks through PyTorch's own hooks, and changes neither loop nor model:

- a forward hook sees each batch in train mode, and puts a hook on the outputs;
- that one fires as the backward pass begins. The gradient of a classification loss with respect
  to its inputs is the lowest at the label (p - 1 there, p elsewhere, for cross-entropy), so that
  labels need not be told; and whether gradients were zeroed shows at this moment;
- hooks around every optimizer's step compare some weights before and after.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from florascope.doctor.recording import Pull, Recording, Sizes
from florascope.errors import check_arguments

WATCHED = 12  # parameters whose sizes are kept: evenly over the network, the last one among them
LARGEST = 4096  # numbers looked at of each
DENSE, SPARSE = 8, 10  # the first steps are all measured, then each tenth
KEPT = 100_000  # batches remembered; a loop that long has shown what it does
DIGESTED = 8  # numbers of each photo that make a batch's digest
PULLS = 64  # batches of which the loss's gradient is kept
CORNER = 16  # numbers of a parameter that are compared from one step to the next
SCALED = 2.0  # a classification loss has smaller gradients than this, unless it was scaled

Parameters = Mapping[str, nn.Parameter]


@dataclass(eq=False)
class _Batches:
    """What is kept of each batch."""

    digests: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    pulls: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)


@dataclass(eq=False)
class _Rows:
    """What is kept of each measured step: numbers by parameter."""

    weights: list[list[float]] = field(default_factory=list)
    gradients: list[list[float]] = field(default_factory=list)
    updates: list[list[float]] = field(default_factory=list)
    decays: list[list[float]] = field(default_factory=list)
    clipped: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)


@check_arguments()
def watch(model: nn.Module, optimizer: Optimizer | None = None) -> "Watch":
    """Watch a training loop inside a `with` block.

        with florascope.watch(model, optimizer) as watched:
            for images, labels in loader:
                ...
        florascope.diagnose(model, train_loader, val_loader, watched=watched)

    Args:
        model: the network as the loop calls it.
        optimizer: as the loop steps it; None watches every optimizer that steps the model.
    """
    return Watch(model, optimizer)


class Watch:
    """A training loop under watch; see `watch`."""

    def __init__(self, model: nn.Module, optimizer: Optimizer | None = None) -> None:
        self.model, self.optimizer = model, optimizer
        self._trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._chosen = _chosen(self._trainable)
        self._held = {id(p) for p in _parameters(optimizer)}
        self._batches, self._rows, self._rates = _Batches(), _Rows(), list[float]()
        self._forwards = self._backwards = self._steps = 0
        self._after = self._added = 0  # first backward passes after a step, and those that added
        self._stepped = self._stepping = self._waits = False  # gradients, for a step
        self._discarded = 0
        self._raw: Tensor | None = None  # the last parameter's gradient after the backward pass
        self._scaled = False
        self._forgot = 0  # steps of an optimizer that had nothing in its memory
        self._before: list[Tensor] = []
        self._left: dict[str, Tensor] = {}  # corners of parameters after the last step
        self._rewritten: list[Tensor] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        handles: list[Any] = [
            self.model.register_forward_hook(self._forward, with_kwargs=True),
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        if self._chosen:
            last = self._chosen[next(reversed(self._chosen))]
            handles.append(last.register_post_accumulate_grad_hook(self._accumulated))
        for handle in handles:
            self._stack.callback(handle.remove)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def recording(self) -> Recording:
        """What was seen so far."""
        unheld = (name for name, p in self._trainable.items() if id(p) not in self._held)
        return Recording(
            framework="PyTorch",
            forwards=self._forwards,
            backwards=self._backwards,
            steps=self._steps,
            added=self._added / self._after if self._after else None,
            discarded=self._discarded,
            labels=tuple(labels.numpy() for labels in self._batches.labels),
            digests=tuple(hash(d.numpy().tobytes()) for d in self._batches.digests),
            losses=tuple(map(float, self._batches.losses)),
            rates=tuple(self._rates),
            clipped=tuple(self._rows.clipped),
            kept=tuple(self._rows.kept),
            forgot=self._forgot,
            unheld=tuple(unheld) if self._steps else (),
            sizes=_sizes(tuple(self._chosen), self._rows),
            pulls=tuple(
                Pull(
                    photo_keys(rows),
                    outputs.numpy(),
                    gradients.numpy(),
                    float(rows.min()),
                    float(rows.max()),
                )
                for rows, outputs, gradients in self._batches.pulls
            ),
            rewritten=_steps_that(self._rewritten, len(self._left)),
            left={name: corner.float().cpu().numpy() for name, corner in self._left.items()},
        )

    @property
    def _measures(self) -> bool:
        return self._steps < DENSE or self._steps % SPARSE == 0

    def _forward(self, _model: nn.Module, args: Any, kwargs: Any, given: Any) -> None:  # noqa: ANN401
        outputs = outputs_of(given)
        if not torch.is_grad_enabled() or outputs is None:
            return
        images = next((v.detach() for v in (*args, *kwargs.values()) if _is_batch(v)), None)
        # A pass in eval mode belongs to the training where a loss is differentiated through it.
        waits = not self.model.training
        if not waits:
            self._see(images)
        if outputs.requires_grad:
            seen = outputs.detach()
            outputs.register_hook(lambda g: self._backward(seen, g, images, waits=waits))

    def _see(self, images: Tensor | None) -> None:
        self._forwards += 1
        if images is not None and len(self._batches.digests) < KEPT:
            self._batches.digests.append(_digest(images))

    def _backward(
        self, outputs: Tensor, gradient: Tensor, images: Tensor | None, *, waits: bool
    ) -> None:
        """As the backward pass begins: labels, loss, and what gradients are there already."""
        if waits:
            self._see(images)
        self._backwards += 1
        if self._stepped:
            self._after += 1
            self._added += self._left_over()
            self._stepped = False
        if self._waits and not self._stepping and not self._gradients():
            self._discarded += 1
        self._waits = False
        if self._measures:
            self._scaled = bool(gradient.abs().max() > SCALED)
            self._ask(images, outputs, gradient)
        if outputs.ndim == 2 and outputs.shape[1] > 1 and len(self._batches.labels) < KEPT:
            lowest, labels = gradient.min(1)
            if bool((lowest < 0).any()):  # an answer that is right for sure has no gradient left
                self._batches.labels.append(labels[lowest < 0].cpu())
            self._batches.losses.append(_cross_entropy(outputs, labels).cpu())

    def _ask(self, images: Tensor | None, outputs: Tensor, gradient: Tensor) -> None:
        """Keep what the loss asks of a batch's outputs."""
        if images is None or outputs.ndim != 2 or len(images) != len(outputs):
            return
        if len(self._batches.pulls) < PULLS:
            kept = (_digest(images), outputs.float().cpu(), gradient.float().cpu())
            self._batches.pulls.append(kept)

    def _left_over(self) -> bool:
        """Whether a parameter that is stepped has a gradient before the backward pass."""
        stepped = [p for p in self._chosen.values() if id(p) in self._held]
        return bool(stepped) and stepped[-1].grad is not None and bool(stepped[-1].grad.any())

    def _gradients(self) -> bool:
        """Whether any watched parameter has a gradient."""
        return any(p.grad is not None and bool(p.grad.any()) for p in self._chosen.values())

    def _accumulated(self, parameter: Tensor) -> None:
        """After the backward pass, before anything clips the gradient."""
        self._waits = True
        if self._measures and parameter.grad is not None:
            self._raw = _some(parameter.grad.detach()).clone()

    def _ours(self, optimizer: Optimizer) -> bool:
        # A loop may step another one than was handed over, made anew for example.
        own = {id(p) for p in self._trainable.values()}
        return any(id(p) in own for p in _parameters(optimizer))

    def _before_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:  # noqa: ANN401
        if not self._ours(optimizer):
            return
        self._forgot += self._steps > 0 and _forgets(optimizer)
        self._stepping = True  # a closure may clear and differentiate as often as it needs
        if self._left:
            now = _corners(self._chosen)
            self._rewritten.extend(_differs(now[name], old) for name, old in self._left.items())
        if self._chosen and self._measures:
            self._before = [_some(p.detach()).clone() for p in self._chosen.values()]

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:  # noqa: ANN401
        if not self._ours(optimizer):
            return
        if self._before:
            self._measure(optimizer)
            self._before = []
        self._stepping = self._waits = False
        self._left = _corners(self._chosen)
        self._held |= {id(p) for p in _parameters(optimizer)}
        self._steps, self._stepped = self._steps + 1, True
        self._rates.append(max((float(g["lr"]) for g in optimizer.param_groups), default=0.0))

    def _measure(self, optimizer: Optimizer) -> None:
        chosen = self._chosen.values()
        moved = [_some(p.detach()) - old for p, old in zip(chosen, self._before, strict=True)]
        sizes = _rms([*self._before, *moved, *(_gradient(p) for p in chosen)])
        count = len(moved)
        weights, updates, found = sizes[:count], sizes[count : 2 * count], sizes[2 * count :]
        gradients = [
            math.nan if p.grad is None else g if math.isfinite(g) else math.inf
            for p, g in zip(chosen, found, strict=True)
        ]
        share = _decay_shares(optimizer, chosen, weights, gradients, updates)
        self._rows.weights.append(weights)
        self._rows.updates.append(updates)
        self._rows.gradients.append(gradients)
        self._rows.decays.append([s * u for s, u in zip(share, updates, strict=True)])
        left, kept = _against(self._raw, _gradient([*chosen][-1]))
        self._rows.clipped.append(math.nan if self._scaled else left)
        self._rows.kept.append(kept)
        self._raw = None


def _chosen(trainable: Parameters) -> dict[str, nn.Parameter]:
    """Pick some parameters, evenly, the last among them; those of more dimensions first."""
    names = [name for name, p in trainable.items() if p.ndim > 1] or list(trainable)
    at = np.unique(np.linspace(0, len(names) - 1, min(WATCHED, len(names))).astype(int))
    return {names[i]: trainable[names[i]] for i in at}


def _corners(chosen: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """A few numbers of the first and the last parameter: enough to see that somebody wrote."""
    names = list(chosen)
    ends = dict.fromkeys([*names[:1], *names[-1:]])
    return {name: corner(chosen[name]) for name in ends}


def corner(parameter: Tensor) -> Tensor:
    """Return a copy of a parameter's first numbers."""
    return parameter.detach().flatten()[:CORNER].nan_to_num()


def _differs(now: Tensor, before: Tensor) -> Tensor:
    """Whether numbers differ; those of another kind or on another device say nothing."""
    if now.shape != before.shape or now.device != before.device or now.dtype != before.dtype:
        return torch.zeros((), dtype=torch.bool)
    return (now != before).any()


def _steps_that(found: Sequence[Tensor], each: int) -> int:
    """Steps of which any of their `each` parameters was found."""
    said = [bool(one) for one in found]
    return sum(any(said[i : i + each]) for i in range(0, len(said), max(each, 1)))


def _forgets(optimizer: Optimizer) -> bool:
    """Whether an optimizer that goes by its past (momentum, Adam) has none."""
    remembers = "betas" in optimizer.defaults or bool(optimizer.defaults.get("momentum"))
    return remembers and not any(optimizer.state.values())


def _against(raw: Tensor | None, given: Tensor) -> tuple[float, float]:
    """Size of a gradient over that of another, and their cosine; nan where there is no other."""
    if raw is None or raw.shape != given.shape or raw.device != given.device:
        return math.nan, math.nan
    one, other = raw.float().flatten(), given.float().flatten()
    sizes = torch.stack([one.norm(), other.norm(), one @ other]).tolist()
    ours, theirs, product = sizes
    if not ours > 0 or not theirs > 0:
        return theirs / ours if ours > 0 else math.nan, math.nan
    return theirs / ours, product / (ours * theirs)


def _parameters(optimizer: Optimizer | None) -> Iterator[Tensor]:
    for group in optimizer.param_groups if optimizer else ():
        yield from group["params"]


def _some(values: Tensor) -> Tensor:
    """Some numbers of a tensor, evenly: whole slices of its first dimension."""
    step = max(1, math.ceil(values.numel() / LARGEST))
    return values[::step] if values.ndim else values


def _gradient(parameter: Tensor) -> Tensor:
    return _some(parameter.detach() if parameter.grad is None else parameter.grad.detach())


def _rms(parts: Sequence[Tensor]) -> list[float]:
    """Root mean square of each, fetched from the device at once."""
    squares = torch.stack([part.float().square().mean() for part in parts])
    found: list[float] = squares.sqrt().tolist()
    return found


def _digest(images: Tensor) -> Tensor:
    """A few numbers of each photo of a batch, from the middle row."""
    while images.ndim > 2:
        images = images[:, images.shape[1] // 2]
    step = max(1, images.shape[1] // DIGESTED)
    return images[:, ::step].float().cpu().clone()


def photo_keys(digest: Tensor) -> tuple[int, ...]:
    """Return a key for each photo of a batch's digest, equal for equal photos."""
    return tuple(hash(row.tobytes()) for row in digest.numpy())


def keyed(batches: Iterable[tuple[Tensor, Tensor]]) -> dict[int, int]:
    """Labels of photos by their keys; photos that share one with another label are left out."""
    found: dict[int, set[int]] = {}
    for images, labels in batches:
        for key, label in zip(photo_keys(_digest(images)), labels.tolist(), strict=True):
            found.setdefault(key, set()).add(int(label))
    return {key: labels.pop() for key, labels in found.items() if len(labels) == 1}


def _cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits, of log-probabilities, or of probabilities."""
    probable = bool((outputs >= 0).all()) and bool((outputs.sum(1) - 1).abs().max() < 1e-3)
    logs = outputs.clamp(min=1e-12).log() if probable else outputs.float().log_softmax(1)
    return nn.functional.nll_loss(logs, labels)


def _decay_shares(
    optimizer: Optimizer,
    chosen: Iterable[Tensor],
    weights: Sequence[float],
    gradients: Sequence[float],
    updates: Sequence[float],
) -> list[float]:
    """Share of each update that weight decay asks for.

    Where decay is added to the gradient (SGD, Adam), its size against both; where it is taken off
    the weight (AdamW; Loshchilov and Hutter 2019), lr * decay * weight over the update.
    """
    groups = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    shares = []
    for p, weight, gradient, update in zip(chosen, weights, gradients, updates, strict=True):
        group = groups.get(id(p), {})
        pull = float(group.get("weight_decay", 0.0)) * weight
        decoupled = group.get("decoupled_weight_decay", False)
        part, whole = (float(group["lr"]) * pull, update) if decoupled else (pull, pull + gradient)
        shares.append(min(1.0, part / whole) if whole > 0 else math.nan)
    return shares


def _sizes(names: tuple[str, ...], rows: _Rows) -> Sizes | None:
    if not rows.weights:
        return None
    weights, gradients, updates, decays = (
        np.array(table, np.float64)
        for table in (rows.weights, rows.gradients, rows.updates, rows.decays)
    )
    return Sizes(names, weights, gradients, updates, decays)


def outputs_of(given: Any) -> Tensor | None:  # noqa: ANN401 (whatever a network gives)
    """Outputs (b, K) of a tensor, a tuple, a dictionary or an object with logits."""
    if isinstance(given, Mapping):
        given = given.get("logits")
    elif not isinstance(given, Tensor):
        given = getattr(given, "logits", given[0] if isinstance(given, tuple) and given else None)
    return given if isinstance(given, Tensor) else None


def _is_batch(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, Tensor) and value.ndim > 1
