"""A backbone with a linear head: how it answers, is fitted, and is cut in two."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.nets.extractor import FeatureExtractor, Images, hooked
from florascope.nets.library import making_networks
from florascope.preprocessing import Preprocessing

Features = Float32[Tensor, "n c"]
Targets = Int64[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class LinearHead:
    """logits = features W^T + b.

    Attributes:
        weight: (K, c).
        bias: (K,).
        history: one row a step of the fit (an epoch, an iteration), for history.csv.
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
        views: rows that each photo has.
    """

    features: Features
    targets: Targets
    classes: int
    views: int = 1

    @property
    def photos(self) -> int:
        """How many photos they are of."""
        return len(self.targets) // self.views


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Samples of the same photos, each seen otherwise, one after the other."""
    features, targets = ([getattr(p, name) for p in parts] for name in ("features", "targets"))
    views = sum(part.views for part in parts)
    return Samples(torch.cat(features), torch.cat(targets), parts[0].classes, views)


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


class Slope(NamedTuple):
    """A loss of a linear head, and its gradient.

    Attributes:
        loss: in nats.
        weight: (K, c), derivative by the weights.
        bias: (K,), by the biases.
        hits: photos that are answered right; their share once divided.
    """

    loss: float
    weight: Float32[Tensor, "k c"]
    bias: Float32[Tensor, " k"]
    hits: float

    def over(self, count: int) -> "Slope":
        """Divide by a number of photos."""
        return Slope(self.loss / count, self.weight / count, self.bias / count, self.hits / count)


def slope_of(features: Features, targets: Targets, weight: Tensor, bias: Tensor) -> Slope:
    """Cross-entropy of a linear head, summed over photos.

    Its derivative by the logits z is softmax(z) - y, y being the class as a unit vector.
    """
    surprise = -torch.addmm(bias, features, weight.T).log_softmax(1)
    own = targets[:, None]
    hits = int((surprise.argmin(1) == targets).sum())
    loss = surprise.gather(1, own).sum(dtype=torch.float64).item()
    rest = surprise.neg_().exp_().scatter_add_(1, own, -surprise.new_ones(own.shape))
    return Slope(loss, rest.T @ features, rest.sum(0), hits)


Logits = Float[Tensor, "b k"]


class Answer(NamedTuple):
    """One forward pass, with what an explanation needs.

    Attributes:
        logits: (b, K).
        map: (b, c, h, w) feature map A.
        features: (b, c) pooled features f; logits = head(features).
    """

    logits: Logits
    map: Float[Tensor, "b c h w"]
    features: Float[Tensor, "b f"]


class Classifier(nn.Module):
    """logits = W f + b over a backbone's pooled features.

    Args:
        backbone: timm's (`Backbone`), or that of a wrapped network (`florascope.wrap`).
        classes: the K classes, in the order of the logits.
    """

    def __init__(self, backbone: FeatureExtractor, classes: tuple[ClassName, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        with making_networks():
            self.head = nn.Linear(backbone.num_features, len(classes))

    @property
    def preprocessing(self) -> Preprocessing:
        """The contract of the input."""
        return self.backbone.preprocessing

    def answer(self, images: Images) -> Answer:
        """Logits together with the feature map and features of the same pass."""
        embedding = self.backbone(images)
        return Answer(self.head(embedding.features), embedding.map, embedding.features)

    def forward(self, images: Images) -> Logits:
        """Logits of a normalised batch, (b, K)."""
        return self.answer(images).logits

    @property
    def fitted_head(self) -> LinearHead:
        """What the head has learned, for features that are at hand without a pass."""
        return LinearHead(self.head.weight.detach(), self.head.bias.detach())

    def set_head(self, weight: Float[Tensor, "k c"], bias: Float[Tensor, " k"]) -> None:
        """Put fitted weights into the head."""
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)


TOLERANCE = 1e-5  # relative to the largest logit: the same sums, maybe in another order


def input_of(network: nn.Module, module: nn.Module, images: Images) -> tuple[Tensor, Any]:
    """What a module within a network is given when that looks at images, and what that answers."""
    found: list[Tensor] = []
    with hooked(before={module: lambda given: found.append(given[0])}):
        answer = network(images)
    return found[0], answer


def above(classifier: Classifier, module: nn.Module, example: Images) -> Classifier | None:
    """Return a classifier that takes a module's inputs in place of images.

    Everything before that module, as the modules were registered, becomes the identity. That the
    rest gives the same logits is *measured* on the example, not assumed.

    Args:
        classifier: in eval mode; it is not changed.
        module: of the network.
        example: (b, 3, H, W) inputs to compare the two on.

    Returns:
        None where the network cannot be cut there: transformers, whose modules hand on tokens.
    """
    upper = copy.deepcopy(classifier)
    net = classifier.backbone.net
    path = next(name for name, found in net.named_modules() if found is module)
    _empty_before(upper.backbone.net, path)
    try:
        with torch.no_grad():
            inputs, truth = input_of(classifier, module, example)
            if inputs.ndim != 4:
                return None
            answer = upper(inputs)
    except (RuntimeError, ValueError, AttributeError, IndexError):
        return None  # a network whose layers do more than follow one another
    same = bool((truth - answer).abs().max() <= TOLERANCE * truth.abs().max())
    return upper if same else None


def _empty_before(net: nn.Module, path: str) -> None:
    """Put the identity in the place of all modules that were registered before one."""
    parent = net
    for step in path.split("."):
        for name, _ in list(parent.named_children()):
            if name == step:
                break
            setattr(parent, name, nn.Identity())
        parent = parent.get_submodule(step)
