"""Whether maps change when weights do, and stay when photos hardly change."""

import copy
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

from florascope.audit.map_similarity import Maps, Scores, correlation, rank_correlation
from florascope.audit.photos import TargetedImages, maps_of
from florascope.explanation.attribution import Explainer
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import FeatureExtractor, Images
from florascope.preprocessing import Preprocessing


class Stage(NamedTuple):
    """Part of a network that is randomised together.

    Attributes:
        name: of its lowest block.
        weights: its parameters.
    """

    name: str
    weights: tuple[nn.Parameter, ...]


class Similarity(NamedTuple):
    """How alike the maps still are once a stage and all above it are randomised.

    Attributes:
        stage: the last stage randomised.
        signed: (b,) Spearman's correlation with the trained network's maps.
        absolute: (b,) the same of the absolute values, which a turned sign does not excuse.
    """

    stage: str
    signed: Scores
    absolute: Scores


def sanity(
    classifier: Classifier,
    explainer: Explainer,
    targeted: TargetedImages,
    trained: Maps,
    most: int = 6,
    seed: int = 0,
) -> list[Similarity]:
    """Randomise the network from the top downwards and compare the maps (Adebayo et al. 2018).

    The similarity must collapse: a map that survives shows the photo, not the network.

    Args:
        classifier: the trained network; a copy is randomised, this one is left alone.
        explainer: what makes the maps.
        targeted: what is explained.
        trained: (b, H, W) the trained network's maps of it.
        most: stages into which the network is cut, at most; no fewer than two.
        seed: of the randomisation.
    """
    similarities = []
    for stage, randomised in cascade(classifier, most, seed):
        maps = maps_of(randomised, explainer, targeted)
        signed = rank_correlation(trained, maps)
        absolute = rank_correlation(abs(trained), abs(maps))
        similarities.append(Similarity(stage, signed, absolute))
    return similarities


def cascade(
    classifier: Classifier, most: int = 6, seed: int = 0
) -> Iterator[tuple[str, Classifier]]:
    """Yield one copy of the classifier again and again, each time with one more stage randomised.

    The first time it is the head alone, the last time every weight.
    """
    copied = copy.deepcopy(classifier)
    generator = torch.Generator().manual_seed(seed)
    for stage in stages(copied, most):
        for weight in stage.weights:
            shuffle(weight, generator)
        yield stage.name, copied


def stages(classifier: Classifier, most: int = 6) -> list[Stage]:
    """Cut a network into its head and up to `most` - 1 runs of blocks, from the top downwards."""
    blocks = _blocks(classifier.backbone)[::-1]
    runs = max(1, min(most - 1, len(blocks)))
    bounds = [round(run * len(blocks) / runs) for run in range(runs + 1)]
    groups = [blocks[start:stop] for start, stop in itertools.pairwise(bounds)]
    body = [Stage(group[-1].name, sum((b.weights for b in group), ())) for group in groups]
    return [Stage("linear head", tuple(classifier.head.parameters())), *body]


def shuffle(weight: nn.Parameter, generator: torch.Generator) -> None:
    """Put the numbers of a weight tensor in random order, in place.

    What was learned is gone, yet every layer keeps the distribution of its weights. Fresh draws
    would need each kind of layer's own initialisation, and networks whose normalisations are
    folded away die of the usual one: their maps then change for the wrong reason.
    """
    order = torch.randperm(weight.numel(), generator=generator)
    with torch.no_grad():
        weight.copy_(weight.flatten()[order].view_as(weight))


def _blocks(backbone: FeatureExtractor) -> list[Stage]:
    """The network's parts from input to output.

    Parameters outside of any part (a transformer's position embedding) go with the first one.
    """
    parts = [
        Stage(name, tuple(module.parameters()))
        for name, module in backbone.parts()
        if any(True for _ in module.parameters())
    ]
    own = tuple(backbone.net.parameters(recurse=False))
    return [Stage(parts[0].name, own + parts[0].weights), *parts[1:]]


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
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages, maps: Maps, noise: Noise
) -> Scores:
    """Correlation of the maps with those of the same classes in noisy photos, (b,).

    Args:
        classifier: the network.
        explainer: what made the maps.
        targeted: what was explained.
        maps: (b, H, W) of the photos as they are.
        noise: what is added.
    """
    noisy = targeted._replace(images=noise(targeted.images, classifier.preprocessing))
    return correlation(maps, maps_of(classifier, explainer, noisy))


def under_flip(
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages, maps: Maps
) -> Scores:
    """Correlation of the maps with those of the mirrored photos, mirrored back, (b,).

    A mirrored flower is the same flower: an explanation that is about the flower moves with it
    (equivariance).
    """
    flipped = targeted._replace(images=targeted.images.flip(3))
    return correlation(maps, maps_of(classifier, explainer, flipped)[:, :, ::-1])
