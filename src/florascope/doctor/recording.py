"""What was seen of a training loop while it ran: one row a step, framework-neutral."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64, Int64

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


class Pull(NamedTuple):
    """What the loss asked of the outputs of one batch.

    Attributes:
        keys: of the photos, equal for equal photos.
        outputs: (b, K).
        gradients: (b, K) of the loss with respect to the outputs.
        low: smallest of some values of the photos.
        high: largest of them.
    """

    keys: tuple[int, ...]
    outputs: Float[np.ndarray, "b k"]
    gradients: Float[np.ndarray, "b k"]
    low: float = 0.0
    high: float = 0.0


class Pulled(NamedTuple):
    """What the loss asked, held against the labels that the loader gives the same photos.

    Attributes:
        photos: that were found again.
        agreeing: share of them whose outputs the loss pulls most towards that label.
        aligned: cosine of all gradients and those of cross-entropy with these labels (softmax of
            the outputs less the one-hot label): 1 for cross-entropy, -1 for its negative.
        flat: share of the photos whose gradient is 0.
    """

    photos: int
    agreeing: float
    aligned: float
    flat: float


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
        kept: (m,) cosine of these two gradients; nan where unknown.
        forgot: steps, after the first, of an optimizer that goes by its past and had none.
        unheld: trainable parameters that no optimizer steps.
        sizes: of some parameters at some steps; None where unseen.
        pulls: what the loss asked of some batches; () where unseen.
        rewritten: steps that did not find the weights as the step before had left them.
        left: some numbers of some parameters, by name, as the last step left them.
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
    kept: tuple[float, ...] = ()
    forgot: int = 0
    unheld: tuple[str, ...] = ()
    sizes: Sizes | None = None
    pulls: Sequence[Pull] = ()
    rewritten: int = 0
    left: Mapping[str, Float[np.ndarray, "_"]] = field(default_factory=dict)

    @cached_property
    def drawn(self) -> Int64[np.ndarray, "_"]:
        """All labels in the order in which they were drawn."""
        return np.concatenate([*self.labels, np.empty(0, np.int64)]).astype(np.int64)

    @cached_property
    def photos(self) -> frozenset[int]:
        """Keys of the photos of some batches."""
        return frozenset(key for pull in self.pulls for key in pull.keys)

    @property
    def tells_labels(self) -> bool:
        """Whether the loss pulls each photo most towards one class, as cross-entropy does.

        Where it pushes most away from one, its lowest gradient is no label's.
        """
        asked = [pull.gradients for pull in self.pulls if pull.gradients.any()]
        apart = [-g.min(1) >= (1 - 1e-6) * g.max(1) for g in asked]
        return not apart or float(np.concatenate(apart).mean()) > 0.5

    @property
    def nonfinite(self) -> tuple[int, int]:
        """Batches whose loss, and measured steps whose gradients, are not finite."""
        steps = 0 if self.sizes is None else int(np.isinf(self.sizes.gradients).any(1).sum())
        return int((~np.isfinite(self.losses)).sum()) if self.losses else 0, steps


def pulled(recording: Recording | None, labels: Mapping[int, int], classes: int) -> Pulled | None:
    """Hold what the loss asked against the labels of the same photos.

    Args:
        recording: of the loop.
        labels: of the loader's photos, by their keys.
        classes: K; outputs of another width are left out.

    Returns:
        None where no photo is found again, as where each is augmented afresh.
    """
    pulls = recording.pulls if recording else ()
    asked = [_known(pull, labels) for pull in pulls if pull.outputs.shape[1] == classes]
    if not asked or not sum(len(truth) for truth, _, _ in asked):
        return None
    truth, outputs, gradients = (np.concatenate(part) for part in zip(*asked, strict=True))
    ideal = probabilities(outputs) - np.eye(outputs.shape[1])[truth]
    flat = ~gradients.any(1)
    size = float(np.linalg.norm(gradients) * np.linalg.norm(ideal))
    return Pulled(
        len(truth),
        float((gradients.argmin(1) == truth)[~flat].mean()) if not flat.all() else 0.0,
        float((gradients * ideal).sum()) / size if size > 0 else 0.0,
        float(flat.mean()),
    )


def met(
    recording: Recording | None, train: Mapping[int, int], val: Mapping[int, int]
) -> float | None:
    """Return the share of val photos that a loop was seen to train on, and train does not hold.

    Args:
        recording: of the loop.
        train: the loader's photos, by their keys.
        val: likewise.

    Returns:
        None where no photo of either is found again, as where each is augmented afresh.
    """
    seen = recording.photos if recording else frozenset()
    alone = val.keys() - train.keys()
    if not alone or not seen & (train.keys() | alone):
        return None
    return len(seen & alone) / len(alone)


def _known(
    pull: Pull, labels: Mapping[int, int]
) -> tuple[Int64[np.ndarray, "_"], Float[np.ndarray, "_ k"], Float[np.ndarray, "_ k"]]:
    """Labels, outputs and gradients of the photos that are found again."""
    width = pull.outputs.shape[1]
    kept = [i for i, key in enumerate(pull.keys) if 0 <= labels.get(key, -1) < width]
    truth = np.array([labels[pull.keys[i]] for i in kept], np.int64)
    return truth, pull.outputs[kept], np.nan_to_num(pull.gradients[kept])


def probabilities(outputs: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Softmax of outputs (n, K), or these themselves where they are probabilities already."""
    if outputs.min() >= 0 and np.abs(outputs.sum(1) - 1).max() < 1e-3:
        return outputs
    wide = np.exp(outputs - outputs.max(1, keepdims=True))
    return np.nan_to_num(wide / wide.sum(1, keepdims=True))


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
