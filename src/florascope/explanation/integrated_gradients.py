"""Integrated Gradients with a completeness gap that is measured and driven down."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from florascope.explanation.attribution import Attribution, Targets
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier

Baseline = Literal["black", "mean"]
One = Float[Tensor, "1 3 H W"]


@dataclass(frozen=True)
class IntegratedGradients:
    """Sundararajan, Taly & Yan 2017, by Gauss-Legendre quadrature.

        attribution = (x - x') * integral over alpha in [0, 1] of d logit(x' + alpha (x - x')) / dx

    The number of nodes is doubled until the attributions sum to logit(x) - logit(x') within the
    tolerance, or the largest number is reached; the gap is reported either way.

    Attributes:
        baseline: x': "black" (pixel 0) or "mean" (the preprocessing's mean, input 0).
        tolerance: completeness gap at which no nodes are added.
        nodes: of the first try.
        max_nodes: of the last.
        batch: inputs a pass, which bounds the memory.
    """

    baseline: Baseline = "black"
    tolerance: float = 0.01
    nodes: int = 8
    max_nodes: int = 256
    batch: int = 16

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        return "ig"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        found = [
            self._explain(classifier, image[None], int(target))
            for image, target in zip(images, targets, strict=True)
        ]
        values, totals = zip(*found, strict=True)
        return Attribution(self.name, torch.stack(values), torch.stack(totals), complete=True)

    def _explain(self, classifier: Classifier, image: One, target: int) -> tuple[Tensor, Tensor]:
        start = self._start(classifier, image)
        with torch.no_grad():
            ends = classifier(torch.cat([start, image]))[:, target]
        total = ends[1] - ends[0]
        nodes = self.nodes
        while True:
            values = self._integrate(classifier, start, image, target, nodes)
            gap = (values.sum() - total).abs() / total.abs().clamp_min(1e-12)
            if gap <= self.tolerance or nodes >= self.max_nodes:
                return values, total
            nodes = min(2 * nodes, self.max_nodes)

    def _start(self, classifier: Classifier, image: One) -> One:
        if self.baseline == "mean":
            return torch.zeros_like(image)
        size = image.shape[-1]
        black = np.zeros((1, size, size, 3), np.uint8)
        return torch.from_numpy(classifier.preprocessing.normalise(black))

    def _integrate(
        self, classifier: Classifier, start: One, image: One, target: int, nodes: int
    ) -> Float[Tensor, "H W"]:
        places, weights = np.polynomial.legendre.leggauss(nodes)
        alphas = torch.from_numpy((places + 1) / 2).float().split(self.batch)
        shares = torch.from_numpy(weights / 2).float().split(self.batch)
        gradient = torch.zeros_like(image[0])
        for alpha, share in zip(alphas, shares, strict=True):
            with torch.enable_grad():
                path = start + alpha[:, None, None, None] * (image - start)
                path = path.detach().requires_grad_()
                (slope,) = torch.autograd.grad(classifier(path)[:, target].sum(), path)
            gradient += (share[:, None, None, None] * slope).sum(0)
        return ((image - start)[0] * gradient).sum(0)
