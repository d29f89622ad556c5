"""The pictures without evidence from which Integrated Gradients start."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from florascope.errors import ExplanationError
from florascope.model.preprocessing import Preprocessing

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
    sigma = [BLUR * side for side in image.shape[2:]]
    reach = [
        2 * min(int(3 * s) + 1, side - 1) + 1
        for s, side in zip(sigma, image.shape[2:], strict=True)
    ]
    return gaussian_blur(image, reach[::-1], sigma[::-1])
