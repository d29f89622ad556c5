"""The pictures without evidence from which Integrated Gradients start."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Targets, require_gradients
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images
from florascope.preprocessing import Preprocessing

Baseline = Literal["black", "mean", "blurred", "noise"]
BASELINES: tuple[Baseline, ...] = ("black", "mean", "blurred", "noise")

DRAWS = 4  # noise pictures to average over
BLUR = 0.1  # of the picture's side, as standard deviation

One = Float[Tensor, "1 3 H W"]


def starts(baseline: Baseline, image: One, preprocessing: Preprocessing) -> list[One]:
    """Return the pictures at the beginning of the path, over which attributions are averaged.

    "black" is pixel 0, "mean" the preprocessing's mean (input 0), "blurred" the picture under a
    Gaussian of a tenth of its side, "noise" four pictures of independent uniform pixels (the same
    four for every picture).

    Raises:
        ExplanationError: there is no such baseline.
    """
    if baseline == "black":
        return [_shade(image, preprocessing, np.zeros((1, *image.shape[2:], 3), np.uint8))]
    if baseline == "mean":
        return [torch.zeros_like(image)]
    if baseline == "blurred":
        return [_blurred(image)]
    if baseline == "noise":
        draw = np.random.default_rng(0)
        shape = (1, *image.shape[2:], 3)
        return [
            _shade(image, preprocessing, draw.integers(0, 256, shape, dtype=np.uint8))
            for _ in range(DRAWS)
        ]
    raise ExplanationError(f"no baseline {baseline!r}", expected=f"one of {', '.join(BASELINES)}")


def _shade(image: One, preprocessing: Preprocessing, pixels: np.ndarray) -> One:
    return torch.from_numpy(preprocessing.normalise(pixels)).to(image)


def _blurred(image: One) -> One:
    from torchvision.transforms.functional import gaussian_blur

    sigma = [BLUR * side for side in image.shape[2:]]
    reach = [
        2 * min(int(3 * s) + 1, side - 1) + 1
        for s, side in zip(sigma, image.shape[2:], strict=True)
    ]
    return gaussian_blur(image, reach[::-1], sigma[::-1])


FIRST = 5  # nodes to begin with
ROUND = 3  # nodes added together where the path is worst known


class Nodes(NamedTuple):
    """What is known at places of the straight path x' + alpha (x - x').

    Attributes:
        alphas: (n,) places, 0 to 1.
        logits: (n,) the target's logit there.
        rates: (n, H, W) of each pixel: (x - x') times the gradient, summed over channels; the sum
            over all pixels is the logit's slope along the path.
    """

    alphas: Float[Tensor, " n"]
    logits: Float[Tensor, " n"]
    rates: Float[Tensor, "n H W"]


@dataclass(frozen=True)
class IntegratedGradients:
    """Sundararajan, Taly & Yan 2017.

        attribution = (x - x') * integral over alpha in [0, 1] of d logit(x' + alpha (x - x')) / dx

    A network's logit rises in a small part of the path, mostly near the baseline. So nodes are
    added where the integral is least known, which is measured: between neighbouring nodes the
    trapezoid of the slopes should give the difference of the two logits, which the gradient's
    forward pass has computed anyway. The pieces with the largest errors are halved until the
    attributions sum to logit(x) - logit(x') within the tolerance, or the largest number of nodes
    is reached. Every pass is used in the result, and the gap is reported as it is.

    Attributes:
        baseline: where the path begins; see `florascope.explanation.integrated_gradients`.
        tolerance: completeness gap at which no nodes are added.
        nodes: a fixed number of Gauss-Legendre nodes instead; None to add them as needed.
        max_nodes: of one path.
        batch: inputs a pass, which bounds the memory.
    """

    baseline: Baseline = "black"
    tolerance: float = 0.01
    nodes: int | None = None
    max_nodes: int = 128
    batch: int = 8

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        return "ig"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        require_gradients(classifier.backbone)
        found = [
            self._explain(classifier, image[None], int(target))
            for image, target in zip(images, targets, strict=True)
        ]
        values, totals = (torch.stack(part) for part in zip(*found, strict=True))
        return Attribution(self.name, values, totals, complete=True)

    def _explain(self, classifier: Classifier, image: One, target: int) -> tuple[Tensor, Tensor]:
        """Average over the baseline's pictures: values (H, W) and their total."""
        integrate = self._adaptive if self.nodes is None else self._fixed
        found = [
            integrate(Path(classifier, start, image, target, self.batch))
            for start in starts(self.baseline, image, classifier.preprocessing)
        ]
        values, totals = (torch.stack(part).mean(0) for part in zip(*found, strict=True))
        return values, totals

    def _fixed(self, path: "Path") -> tuple[Tensor, Tensor]:
        """Gauss-Legendre quadrature."""
        places, weights = np.polynomial.legendre.leggauss(self.nodes or 1)
        inner = path.at(torch.from_numpy((places + 1) / 2).float())
        values = torch.einsum("n,nhw->hw", torch.from_numpy(weights / 2).float(), inner.rates)
        return values, path.rise()

    def _adaptive(self, path: "Path") -> tuple[Tensor, Tensor]:
        """Trapezoids between nodes, halved where they miss the logit's own difference most."""
        nodes = path.at(torch.linspace(0, 1, FIRST, dtype=torch.float32) ** 2)
        while True:
            total = nodes.logits[-1] - nodes.logits[0]
            errors = _errors(nodes)
            room = self.max_nodes - len(errors) - 1
            if errors.sum().abs() <= self.tolerance * total.abs() or room <= 0:
                return _trapezoids(nodes), total
            worst = errors.abs().argsort(descending=True)[: min(ROUND, room)]
            nodes = _merged(nodes, path.at((nodes.alphas[worst] + nodes.alphas[worst + 1]) / 2))


@dataclass(frozen=True, eq=False)
class Path:
    """The straight line between two pictures, and one class's logit along it.

    Attributes:
        classifier: the network.
        start: x'.
        end: x.
        target: index of the class.
        batch: inputs a pass.
    """

    classifier: Classifier
    start: One
    end: One
    target: int
    batch: int

    def at(self, alphas: Float[Tensor, " n"]) -> Nodes:
        """Evaluate logit and slopes: one forward and one backward pass a node."""
        parts = [self._evaluate(part) for part in alphas.split(self.batch)]
        logits, rates = (torch.cat(part) for part in zip(*parts, strict=True))
        return Nodes(alphas, logits, rates)

    def rise(self) -> Float[Tensor, ""]:
        """The logit at the end less that at the start."""
        with torch.no_grad():
            ends = self.classifier(torch.cat([self.start, self.end]))[:, self.target]
        return ends[1] - ends[0]

    def _evaluate(self, alphas: Float[Tensor, " n"]) -> tuple[Tensor, Tensor]:
        step = self.end - self.start
        with torch.enable_grad():
            places = (self.start + alphas[:, None, None, None] * step).detach().requires_grad_()
            logits = self.classifier(places)[:, self.target]
            (slope,) = torch.autograd.grad(logits.sum(), places)
        return logits.detach(), (step * slope).sum(1)


def _errors(nodes: Nodes) -> Float[Tensor, " pieces"]:
    """Of each piece between neighbours: trapezoid of the slopes less the logits' difference."""
    slopes = nodes.rates.sum((1, 2))
    return nodes.alphas.diff() * (slopes[1:] + slopes[:-1]) / 2 - nodes.logits.diff()


def _trapezoids(nodes: Nodes) -> Float[Tensor, "H W"]:
    widths = nodes.alphas.diff()
    weights = torch.zeros_like(nodes.alphas)
    weights[1:] += widths / 2
    weights[:-1] += widths / 2
    return torch.einsum("n,nhw->hw", weights, nodes.rates)


def _merged(nodes: Nodes, more: Nodes) -> Nodes:
    alphas = torch.cat([nodes.alphas, more.alphas])
    order = alphas.argsort()
    joined = (torch.cat(pair)[order] for pair in zip(nodes, more, strict=True))
    return Nodes(*joined)
