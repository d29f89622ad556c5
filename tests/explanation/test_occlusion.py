"""Occlusion, held against Captum's and against what can be worked out by hand."""

import logging

import pytest
import torch
from captum.attr import Occlusion as Peer
from torch import nn

from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.integrated_gradients import starts
from florascope.explanation.occlusion import Occlusion, announce
from florascope.nets.wrapped import wrap
from florascope.preprocessing import Preprocessing

SIDE = 24


def network() -> nn.Module:
    torch.manual_seed(0)
    head = nn.Linear(4 * 20 * 20, 3)
    return nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Flatten(), head).eval()


def test_captum_finds_the_same() -> None:
    """A window of two squares of 4 pixels: Captum does not divide by its size."""
    classifier = wrap(network(), preprocessing=Preprocessing(size=SIDE))
    image = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([2])
    found = Occlusion(grid=6)(classifier, image, target)
    (hidden,) = starts("blurred", image, classifier.preprocessing)
    peer = Peer(classifier).attribute(
        image, (3, 8, 8), strides=(3, 4, 4), baselines=hidden, target=2
    )
    torch.testing.assert_close(found.values[0], peer[0, 0].detach() / 64, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(found.total, classifier(image)[:, 2].detach())
    assert not found.complete


class Sum(nn.Module):
    """Two classes: the sum of all numbers, and nothing."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        total = images.sum((1, 2, 3))
        return torch.stack([total, 0 * total], 1)


def test_of_a_sum_each_window_says_what_lies_in_it() -> None:
    """Against the mean picture (zeros), a window's fall is its sum: even evidence is found even."""
    classifier = wrap(Sum(), preprocessing=Preprocessing(size=SIDE))
    images = torch.full((2, 3, SIDE, SIDE), 0.5)
    method = Occlusion(grid=5, baseline="mean")  # squares of 4 or 5 pixels
    found = method(classifier, images, torch.tensor([0, 1]))
    torch.testing.assert_close(found.values[0], torch.full((SIDE, SIDE), 1.5))
    assert found.values[1].abs().max() == 0
    assert method.passes == 16


def test_its_cost_is_said_before_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    classifier = wrap(network(), preprocessing=Preprocessing(size=SIDE))
    with caplog.at_level(logging.WARNING, "florascope"):
        announce(ClassActivationMap(), classifier, 3)
        assert caplog.text == ""
        announce(Occlusion(grid=6), classifier, 3)
    assert "asks the network 25 times a photo" in caplog.text
    assert Occlusion(grid=6).seconds(classifier) > 0
