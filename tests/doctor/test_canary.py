"""The canary is surest of the input as the contract says, and names the remedy of another."""

import numpy as np
import torch
from torch import Tensor

from florascope.doctor.canary import sureness_by_remedy
from florascope.doctor.checks.inputs import canary
from florascope.doctor.evidence import AS_IT_IS, Evidence
from florascope.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(size=32)


def batch() -> Tensor:
    """Reddish photos, as the contract says."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 90, (4, 32, 32, 3))
    pixels[..., 0] += 160
    return torch.from_numpy(PREPROCESSING.normalise(pixels.astype(np.uint8)))


def likes_red(images: Tensor) -> Tensor:
    """Two logits: how much redder than blue the photos are, and 0."""
    red = 4 * (images[:, 0] - images[:, 2]).mean((1, 2))
    return torch.stack([red.clamp(min=0), torch.zeros_like(red)], 1)


def test_sound_input_needs_no_remedy() -> None:
    sung = sureness_by_remedy(likes_red, batch(), PREPROCESSING)
    assert max(sung, key=lambda name: sung[name]) == AS_IT_IS
    assert canary(Evidence(2, canary=sung)) is None


def test_swapped_channels_are_heard() -> None:
    sung = sureness_by_remedy(likes_red, batch().flip(1), PREPROCESSING)
    found = canary(Evidence(2, canary=sung))
    assert found is not None
    assert found.cause == "BGR for RGB"


def test_remedies_that_give_no_photo_are_not_sung() -> None:
    assert "multiplied by 255" not in sureness_by_remedy(likes_red, batch(), PREPROCESSING)


def test_silence_says_nothing() -> None:
    assert canary(Evidence(2)) is None
