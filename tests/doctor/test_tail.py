"""Tails are recognised by what they do."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from florascope.doctor.checks.inputs import canary
from florascope.doctor.evidence import AS_IT_IS, Evidence
from florascope.doctor.network import find_head
from florascope.doctor.tail import find_tail, sureness_by_remedy, whole, without_tail
from florascope.preprocessing import Preprocessing


class Ends(nn.Module):
    """A linear layer and what follows it."""

    def __init__(self, tail: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head, self.tail = nn.Linear(12, 5), tail

    def forward(self, images: Tensor) -> Tensor:
        return self.tail(self.head(images.flatten(1)))


IMAGES = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(1))
TAILS: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda z: z,
    "softmax": lambda z: z.softmax(1),
    "log-softmax": lambda z: z.log_softmax(1),
    "sigmoid": torch.sigmoid,
    "ReLU": torch.relu,
    "tanh": torch.tanh,
    "softmax over the batch": lambda z: z.softmax(0),
    "log-softmax over the batch": lambda z: z.log_softmax(0),
    "unit length": lambda z: z / z.norm(dim=1, keepdim=True),
    "multiplication by 0.01": lambda z: z / 100,
}


@pytest.mark.parametrize("name", TAILS)
def test_a_tail_is_named_and_can_be_repeated(name: str) -> None:
    model = Ends(TAILS[name])
    found = find_tail(model, find_head(model, IMAGES), IMAGES)
    assert found is not None
    assert found.name == name
    other = torch.randn(4, 5)
    assert torch.allclose(found.apply(other), TAILS[name](other), atol=1e-4)


def test_the_first_outputs_of_many() -> None:
    model = Ends(lambda z: z[:, :3])
    found = find_tail(model, find_head(model, IMAGES), IMAGES)
    assert found is not None
    assert found.name == ""
    assert found.apply(torch.ones(2, 5)).shape == (2, 3)


def test_anything_else_is_not_named() -> None:
    model = Ends(lambda z: z.sin() * z)
    assert find_tail(model, find_head(model, IMAGES), IMAGES) is None


def test_a_network_without_its_tail() -> None:
    model = Ends(TAILS["sigmoid"])
    cut = without_tail(model, find_head(model, IMAGES), 5)
    assert torch.equal(cut(IMAGES), model.head(IMAGES.flatten(1)))
    assert whole(cut) is model
    assert whole(model) is model


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
