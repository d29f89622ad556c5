"""Maps that know nothing of the network: what an explanation has to beat."""

from dataclasses import dataclass

import torch
from torch import Tensor

from florascope.explanation.attribution import Attribution, Targets
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier

REFERENCES = ("random", "centre")


class RandomMap:
    """Independent noise in every pixel.

    Args:
        seed: of the noise; each call goes on where the last one stopped.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:  # noqa: ARG002 (an Explainer)
        """Draw maps, uniform in [0, 1)."""
        shape = (len(images), *images.shape[2:])
        return _unexplained(self.name, torch.rand(shape, generator=self._generator))


@dataclass(frozen=True, slots=True)
class CentreBlob:
    """A Gaussian in the middle of every photo: people put the flower there.

    Attributes:
        width: standard deviation as a share of the photo's side.
    """

    width: float = 0.25
    name = "centre"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:  # noqa: ARG002 (an Explainer)
        """Return the blob, once a photo, 1 at its top."""
        height, width = images.shape[2:]
        rows, columns = (self._profile(side) for side in (height, width))
        blob = rows[:, None] * columns[None, :]
        return _unexplained(self.name, blob.expand(len(images), -1, -1))

    def _profile(self, side: int) -> Tensor:
        places = (torch.arange(side) + 0.5) / side - 0.5
        return torch.exp(-((places / self.width) ** 2) / 2)


def _unexplained(name: str, values: Tensor) -> Attribution:
    return Attribution(name, values, total=torch.zeros(len(values)), complete=False)
