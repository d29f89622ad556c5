"""Whether maps change when weights do, and stay when photos hardly change: how alike maps are."""

import copy
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import nn

from florascope.audit.photos import TargetedImages, maps_of
from florascope.explanation.attribution import Explainer
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import FeatureExtractor, Images
from florascope.preprocessing import Preprocessing

Maps = Float[np.ndarray, "n H W"]
Scores = Float64[np.ndarray, "n"]
Rows = Float64[np.ndarray, "n p"]


def correlation(first: Maps, second: Maps) -> Scores:
    """Pearson's correlation over the pixels of each pair of maps, (n,), in [-1, 1].

    Where it is undefined because a map is constant, equal maps score 1 and others 0: a map that
    ignores the network stays similar to itself, and one that died is similar to nothing.
    """
    one, two = _flat(first), _flat(second)
    return np.where(_vary(one, two), _pearson(one, two), _equal(one, two))


def rank_correlation(first: Maps, second: Maps) -> Scores:
    """Spearman's correlation: Pearson's of the pixels' ranks, ties sharing their mean rank.

    Constant maps are treated as in `correlation`.
    """
    one, two = _flat(first), _flat(second)
    from scipy.stats import rankdata  # half a second that only audits take

    ranked = _pearson(rankdata(one, axis=1), rankdata(two, axis=1))
    return np.where(_vary(one, two), ranked, _equal(one, two))


def _pearson(first: Rows, second: Rows) -> Scores:
    one, two = (values - values.mean(1, keepdims=True) for values in (first, second))
    size = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosine: Scores = (one * two).sum(1) / np.where(size > 0, size, 1.0)
    return cosine.clip(-1.0, 1.0)


def _vary(first: Rows, second: Rows) -> Bool[np.ndarray, "n"]:
    """Whether neither row is constant (exactly: a constant's deviations may round to non-zero)."""
    varied: Bool[np.ndarray, "n"] = (np.ptp(first, axis=1) > 0) & (np.ptp(second, axis=1) > 0)
    return varied


def _equal(first: Rows, second: Rows) -> Scores:
    same: Scores = (first == second).all(1).astype(np.float64)
    return same


def _flat(maps: Maps) -> Rows:
    flat: Rows = maps.reshape(len(maps), -1).astype(np.float64)
    return flat


def gini(maps: Maps) -> Scores:
    """Gini index of the absolute evidence of each map, (n,).

    With the N absolute values sorted upwards, c(1) <= ... <= c(N),

        G = 1 - 2 sum_k c(k) / |c|_1 * (N - k + 1/2) / N

    (Hurley and Rickard 2009, Comparing measures of sparsity): 0 where all pixels weigh the same,
    1 - 1/N where one pixel holds everything. A map of zeros scores 0.
    """
    shares = np.sort(_shares(maps), axis=1)
    n = shares.shape[1]
    ranks = np.arange(1, n + 1)
    index: Scores = 1.0 - 2.0 * (shares * (n - ranks + 0.5)).sum(1) / n
    return index


def _shares(maps: Maps) -> Float64[np.ndarray, "n p"]:
    """Absolute values that sum to 1 in each map; a map of zeros is spread evenly."""
    size = np.abs(maps.reshape(len(maps), -1).astype(np.float64))
    total = size.sum(1, keepdims=True)
    even = np.full_like(size, 1.0 / size.shape[1])
    return np.where(total > 0, size / np.where(total > 0, total, 1.0), even)


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
