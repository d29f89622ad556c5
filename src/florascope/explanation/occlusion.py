"""Occlusion: how the answer falls as each square of the picture is hidden; needs no gradient."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.integrated_gradients import Baseline, starts
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images

LOG = logging.getLogger("florascope")


@dataclass(frozen=True)
class Occlusion:
    """Zeiler and Fergus 2014, for any network at all: it is only asked, never looked into.

    A window two squares wide slides over the picture a square at a time; within it stands the
    baseline. With z the logit, z_j that of the picture with window j hidden, and |j| its pixels,

        value(x) = mean over windows j that hold x of (z - z_j) / |j|,

    in logit units a pixel. The values do not sum to the logit: what two places say together falls
    as soon as one is hidden, and is counted at both.

    Attributes:
        grid: squares on a side; (grid - 1)^2 passes a picture.
        baseline: what hides; see `florascope.explanation.integrated_gradients.starts`.
        batch: pictures a pass.
    """

    grid: int = 14
    baseline: Baseline = "blurred"
    batch: int = 16

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        return "occlusion"

    @property
    def passes(self) -> int:
        """Forward passes a picture, but for the picture's own."""
        return (self.grid - 1) ** 2

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        with torch.no_grad():
            found = [
                self._explain(classifier, image[None], int(target))
                for image, target in zip(images, targets, strict=True)
            ]
        values, totals = (torch.stack(part) for part in zip(*found, strict=True))
        return Attribution(self.name, values, totals, complete=False)

    def seconds(self, classifier: Classifier) -> float:
        """Return how long one picture will take, by the time of one batch of passes."""
        size = classifier.preprocessing.size
        pictures = torch.zeros(self.batch, 3, size, size, dtype=torch.float32)
        with torch.no_grad():
            classifier(pictures[:1])
            began = time.perf_counter()
            classifier(pictures)
        return (time.perf_counter() - began) * self.passes / self.batch

    def _explain(
        self, classifier: Classifier, image: Images, target: int
    ) -> tuple[Float[Tensor, "H W"], Float[Tensor, ""]]:
        """Average over the baselines: there are several of noise."""
        own = classifier(image)[0, target]
        hidden = starts(self.baseline, image, classifier.preprocessing)
        values = [self._against(classifier, image, base, target, own) for base in hidden]
        return torch.stack(values).mean(0), own

    def _against(
        self, classifier: Classifier, image: Images, base: Images, target: int, own: Tensor
    ) -> Float[Tensor, "H W"]:
        height, width = image.shape[2:]
        windows = torch.stack(list(self._windows(height, width)))
        falls = [
            own - classifier(torch.where(some[:, None], base, image))[:, target]
            for some in windows.split(self.batch)
        ]
        weights = windows.to(image)
        rates = torch.cat(falls) / weights.sum((1, 2))
        return torch.einsum("j,jhw->hw", rates, weights) / weights.sum(0)

    def _windows(self, height: int, width: int) -> Iterator[Tensor]:
        """Yield what each window holds, (H, W) of bool."""
        rows, columns = (
            [round(side * edge / self.grid) for edge in range(self.grid + 1)]
            for side in (height, width)
        )
        for top, bottom in zip(rows, rows[2:], strict=False):
            for left, right in zip(columns, columns[2:], strict=False):
                window = torch.zeros(height, width, dtype=torch.bool)
                window[top:bottom, left:right] = True
                yield window


def announce(explainer: Explainer, classifier: Classifier, photos: int) -> None:
    """Say, before it runs, what a method of very many passes will cost; nothing of any other.

    Args:
        explainer: the method.
        classifier: that is to be explained.
        photos: how many.
    """
    if isinstance(explainer, Occlusion):
        each = explainer.seconds(classifier)
        LOG.warning(
            "Occlusion asks the network %d times a photo: about %.1f s each, %.0f s in all",
            explainer.passes,
            each,
            each * photos,
        )
