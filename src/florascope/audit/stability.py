"""Does the map hold still when the photo hardly changes?"""

from typing import NamedTuple

import torch

from florascope.audit.similarity import Maps, Scores, correlation
from florascope.audit.specimens import Specimens, maps_of
from florascope.explanation.attribution import Explainer
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


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


def under_noise(
    classifier: Classifier, explainer: Explainer, specimens: Specimens, maps: Maps, noise: Noise
) -> Scores:
    """Correlation of the maps with those of the same classes in noisy photos, (b,).

    Args:
        classifier: the network.
        explainer: what made the maps.
        specimens: what was explained.
        maps: (b, H, W) of the photos as they are.
        noise: what is added.
    """
    noisy = specimens._replace(images=noise(specimens.images, classifier.preprocessing))
    return correlation(maps, maps_of(classifier, explainer, noisy))


def under_flip(
    classifier: Classifier, explainer: Explainer, specimens: Specimens, maps: Maps
) -> Scores:
    """Correlation of the maps with those of the mirrored photos, mirrored back, (b,).

    A mirrored flower is the same flower: an explanation that is about the flower moves with it
    (equivariance).
    """
    flipped = specimens._replace(images=specimens.images.flip(3))
    return correlation(maps, maps_of(classifier, explainer, flipped)[:, :, ::-1])
