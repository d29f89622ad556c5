"""What was seen of a training loop while it ran: one row a step, framework-neutral."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64

PerStep = Float64[np.ndarray, "m p"]


@dataclass(frozen=True, eq=False)
class Sizes:
    """Root mean squares of some parameters at m of the steps, nan where unknown.

    Attributes:
        names: of the p parameters.
        weights: (m, p) before the step.
        gradients: (m, p) that the optimizer was given; inf where they are not finite.
        updates: (m, p) that the step made.
        decays: (m, p) of the updates that weight decay asks for.
    """

    names: tuple[str, ...]
    weights: PerStep
    gradients: PerStep
    updates: PerStep
    decays: PerStep

    @property
    def ratios(self) -> PerStep:
        """Update over weight, (m, p); nan where a weight is 0 throughout."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.weights > 0, self.updates / self.weights, np.nan)


@dataclass(frozen=True, eq=False)
class Recording:
    """A training loop as it was seen.

    Attributes:
        framework: "PyTorch" or "Keras".
        forwards: passes in train mode, with gradients.
        backwards: of them, those that a loss was differentiated through; None where unseen.
        steps: of the optimizer.
        added: share of the first backward passes after a step that met gradients of before;
            None where unseen.
        discarded: backward passes whose gradients were cleared without a step; None where unseen.
        labels: of each batch, as far as the loss's gradient tells them; () where unseen.
        digests: of each batch's images, equal for equal batches; () where unseen.
        losses: of each batch, cross-entropy where the loss itself is out of sight; () where unseen.
        rates: (steps,) the largest learning rate of each step.
        clipped: (m,) norm of the gradients given to the optimizer over that after the backward
            pass; nan where unknown.
        unheld: trainable parameters that no optimizer steps.
        sizes: of some parameters at some steps; None where unseen.
    """

    framework: str
    forwards: int
    backwards: int | None
    steps: int
    added: float | None = None
    discarded: int | None = None
    labels: Sequence[Int64[np.ndarray, "_"]] = ()
    digests: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    clipped: tuple[float, ...] = ()
    unheld: tuple[str, ...] = ()
    sizes: Sizes | None = None

    @cached_property
    def drawn(self) -> Int64[np.ndarray, "_"]:
        """All labels in the order in which they were drawn."""
        return np.concatenate([*self.labels, np.empty(0, np.int64)]).astype(np.int64)

    @property
    def nonfinite(self) -> tuple[int, int]:
        """Batches whose loss, and measured steps whose gradients, are not finite."""
        steps = 0 if self.sizes is None else int(np.isinf(self.sizes.gradients).any(1).sum())
        return int((~np.isfinite(self.losses)).sum()) if self.losses else 0, steps


@runtime_checkable
class Watcher(Protocol):
    """What watches a loop: florascope.watch, or the callback of florascope.keras."""

    @property
    def recording(self) -> Recording:
        """What was seen so far."""
        ...


def recording_of(watched: Watcher | Recording | None) -> Recording | None:
    """Return what was seen, by a watcher or as it is."""
    return watched.recording if isinstance(watched, Watcher) else watched
