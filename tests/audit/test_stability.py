"""Explainers that move with the photo, and one that does not."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from florascope.audit.specimens import Specimens, maps_of
from florascope.audit.stability import Noise, under_flip, under_noise
from florascope.explanation.attribution import Attribution
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


@dataclass(frozen=True)
class Brightness:
    """The photo itself: it moves with the photo exactly."""

    name: str = "brightness"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        return Attribution(self.name, images.mean(1), torch.zeros(len(images)), complete=False)


@dataclass(frozen=True)
class Ramp:
    """Rises from left to right, whatever the photo."""

    name: str = "ramp"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        ramp = torch.linspace(-1, 1, images.shape[3]).expand(len(images), *images.shape[2:])
        return Attribution(self.name, ramp, torch.zeros(len(images)), complete=False)


@pytest.fixture
def specimens() -> Specimens:
    generator = torch.Generator().manual_seed(0)
    return Specimens(torch.rand(3, 3, 32, 32, generator=generator), torch.tensor([0, 1, 1]))


def test_a_map_that_moves_with_the_photo_is_equivariant(
    patch_classifier: Classifier, specimens: Specimens
) -> None:
    maps = maps_of(patch_classifier, Brightness(), specimens)
    found = under_flip(patch_classifier, Brightness(), specimens, maps)
    assert found == pytest.approx([1, 1, 1])


def test_a_map_that_stays_put_is_turned_round(
    patch_classifier: Classifier, specimens: Specimens
) -> None:
    maps = maps_of(patch_classifier, Ramp(), specimens)
    found = under_flip(patch_classifier, Ramp(), specimens, maps)
    assert found == pytest.approx([-1, -1, -1])


def test_noise_moves_the_brightness_by_its_own_size(
    patch_classifier: Classifier, specimens: Specimens
) -> None:
    """Mean of three channels of deviation s: noise of variance s^2 / 3 beside the map's own."""
    maps = maps_of(patch_classifier, Brightness(), specimens)
    found = under_noise(patch_classifier, Brightness(), specimens, maps, Noise(levels=25.5))
    variance = maps.var((1, 2))
    expected = np.sqrt(variance / (variance + 0.01 / 3))
    assert found == pytest.approx(expected, abs=0.02)


def test_a_map_that_ignores_the_photo_ignores_its_noise(
    patch_classifier: Classifier, specimens: Specimens
) -> None:
    maps = maps_of(patch_classifier, Ramp(), specimens)
    found = under_noise(patch_classifier, Ramp(), specimens, maps, Noise(levels=50))
    assert found == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_noise_is_in_levels_of_the_photo(order: Literal["rgb", "bgr"]) -> None:
    """Undo the normalisation: each channel's noise must have two levels of deviation."""
    pre = Preprocessing(size=64, std=(0.2, 0.5, 1.0), channel_order=order)
    grey = np.full((4, 64, 64, 3), 128, np.uint8)
    images = torch.from_numpy(pre.normalise(grey))
    noise = (Noise(2.0)(images, pre) - images).numpy()
    std = np.array(pre.std if order == "rgb" else pre.std[::-1])
    levels = noise.std((0, 2, 3)) * std * 255
    assert levels == pytest.approx([2, 2, 2], rel=0.02)
    back = pre.denormalise(images.numpy() + noise).astype(np.float64)
    assert back.std((0, 1, 2)) == pytest.approx([2.02] * 3, rel=0.03)  # with rounding: +1/12


def test_noise_is_seeded() -> None:
    images, pre = torch.zeros(1, 3, 8, 8), Preprocessing(size=8)
    assert torch.equal(Noise(2, 5)(images, pre), Noise(2, 5)(images, pre))
    assert not torch.equal(Noise(2, 5)(images, pre), Noise(2, 6)(images, pre))
