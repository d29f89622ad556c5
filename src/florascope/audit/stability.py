"""Does the map hold still when the photo hardly changes?"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64

from florascope.audit.similarity import Scores, correlation, relative_l2
from florascope.audit.specimens import Specimens, maps_of
from florascope.explanation.attribution import Explainer
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


class Agreement(NamedTuple):
    """How far the maps of two versions of a batch agree.

    Attributes:
        correlation: (b,) Pearson's, 1 for maps that differ in scale alone.
        relative_l2: (b,) distance over the larger norm, 0 for equal maps.
    """

    correlation: Scores
    relative_l2: Scores


class Noise(NamedTuple):
    """Gaussian noise that nobody sees.

    Attributes:
        levels: standard deviation in levels of an 8-bit pixel (of 255), before normalisation.
        seed: of the draw.
    """

    levels: float = 2.0
    seed: int = 0

    def __call__(self, images: Images, preprocessing: Preprocessing) -> Images:
        """Add the noise to normalised images."""
        generator = torch.Generator().manual_seed(self.seed)
        draw = torch.randn(images.shape, generator=generator)
        std = preprocessing.std if preprocessing.channel_order == "rgb" else preprocessing.std[::-1]
        return images + draw * (self.levels / 255.0) / torch.tensor(std)[:, None, None]


def agreement(
    first: Float64[np.ndarray, "b H W"], second: Float64[np.ndarray, "b H W"]
) -> Agreement:
    """Compare two stacks of maps."""
    return Agreement(correlation(first, second), relative_l2(first, second))


def under_noise(
    classifier: Classifier,
    explainer: Explainer,
    specimens: Specimens,
    maps: Float64[np.ndarray, "b H W"],
    noise: Noise,
) -> Agreement:
    """Compare the maps with those of the same classes in noisy photos.

    Args:
        classifier: the network.
        explainer: what made the maps.
        specimens: what was explained.
        maps: the maps of the photos as they are.
        noise: what is added.
    """
    noisy = specimens._replace(images=noise(specimens.images, classifier.preprocessing))
    return agreement(maps, maps_of(classifier, explainer, noisy))


def under_flip(
    classifier: Classifier,
    explainer: Explainer,
    specimens: Specimens,
    maps: Float64[np.ndarray, "b H W"],
) -> Agreement:
    """Compare the maps with those of the mirrored photos, mirrored back.

    A mirrored flower is the same flower: an explanation that is about the flower moves with it
    (equivariance).
    """
    flipped = specimens._replace(images=specimens.images.flip(3))
    return agreement(maps, maps_of(classifier, explainer, flipped)[:, :, ::-1])
