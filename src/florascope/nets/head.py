"""A fitted linear head and how it came to be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

Features = Float32[Tensor, "n c"]
Targets = Int64[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class LinearHead:
    """logits = features W^T + b.

    Attributes:
        weight: (K, c).
        bias: (K,).
        history: one row a step of the fit (an epoch, a penalty), for history.csv.
    """

    weight: Float32[Tensor, "k c"]
    bias: Float32[Tensor, " k"]
    history: list[dict[str, float]] = field(default_factory=list)

    def __call__(self, features: Features) -> Float32[Tensor, "n k"]:
        """Apply the head, to tensors."""
        return features @ self.weight.T + self.bias

    def logits(self, features: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "n k"]:
        """Apply the head, to arrays."""
        values: Float32[np.ndarray, "n k"] = features @ self.weight.numpy().T + self.bias.numpy()
        return values


@dataclass(frozen=True, eq=False)
class Samples:
    """Features with their classes.

    Attributes:
        features: (n, c).
        targets: (n,) class indexes.
        classes: K.
    """

    features: Features
    targets: Targets
    classes: int


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Samples of the same classes, one after the other."""
    features, targets = ([getattr(p, name) for p in parts] for name in ("features", "targets"))
    return Samples(torch.cat(features), torch.cat(targets), parts[0].classes)


def centre_head(head: LinearHead) -> LinearHead:
    """Subtract the mean of all classes' weights from each: the same answers, told apart better.

    Only differences of logits matter to the softmax. What all classes' weights share is free, yet
    shows in every class's map; without it, a map says what speaks for the class rather than for
    flowers as such. A fitted probe is centred as it is; Adam and label smoothing leave a rest.
    """
    weight, bias = head.weight - head.weight.mean(0), head.bias - head.bias.mean()
    return LinearHead(weight, bias, head.history)


def two_classes(head: LinearHead) -> LinearHead:
    """Return the head of two classes that a single logit z, a sigmoid's, stands for: -z/2 and z/2.

    Their softmax is the sigmoid; a head of more classes stays as it is.
    """
    if len(head.bias) > 1:
        return head
    halves = torch.tensor([-0.5, 0.5])
    return LinearHead(halves[:, None] * head.weight, halves * head.bias)


def soften_head(head: LinearHead, samples: Samples, smoothing: float) -> LinearHead:
    """Scale a head so that its label-smoothed loss on some samples is the least.

    A probe's logits lie far apart, which label smoothing punishes: fine-tuning from them as they
    are would begin with steep gradients that throw the backbone off course.
    """
    logits = head(samples.features)
    scales = torch.logspace(-2, 1, 61)
    losses = [
        torch.nn.functional.cross_entropy(s * logits, samples.targets, label_smoothing=smoothing)
        for s in scales
    ]
    best = scales[int(torch.stack(losses).argmin())]
    return LinearHead(best * head.weight, best * head.bias, head.history)


def score(logits: Float32[Tensor, "n k"], targets: Targets) -> tuple[float, float]:
    """Cross-entropy in nats, and top-1."""
    loss = torch.nn.functional.cross_entropy(logits, targets)
    return loss.item(), (logits.argmax(1) == targets).float().mean().item()
