"""Small seeded networks whose weights are not at rest."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from florascope.data.dataset import ClassName
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing


@pytest.fixture
def make_backbone() -> Callable[..., Backbone]:
    """Make a seeded backbone in eval mode whose norms are not the identity, as after training."""

    def make(name: str, seed: int = 0, **model_args: Any) -> Backbone:
        side = model_args.get("img_size")
        contract = None if side is None else Preprocessing(size=side)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            backbone = Backbone(name, contract, model_args).eval()
            for module in backbone.net.modules():
                _unsettle(module)
        return backbone

    return make


def stir(net: nn.Module) -> None:
    """Draw the norms' weights and all biases, which a new network has at rest."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.2)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.bias)


def _unsettle(module: Any) -> None:
    if isinstance(module, nn.BatchNorm2d):
        assert module.running_mean is not None
        assert module.running_var is not None
        module.running_mean.normal_(0, 0.1)
        module.running_var.uniform_(0.5, 2)
    if isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
        nn.init.uniform_(module.weight, 0.5, 2)
        nn.init.normal_(module.bias, 0, 0.2)


@pytest.fixture
def make_classifier(make_backbone: Callable[..., Backbone]) -> Callable[..., Classifier]:
    """Make a seeded classifier of K classes in eval mode."""

    def make(name: str, K: int = 7, seed: int = 0, **model_args: Any) -> Classifier:
        backbone = make_backbone(name, seed, **model_args)
        classes = tuple(ClassName(str(k + 1), f"kind {k + 1}") for k in range(K))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            classifier = Classifier(backbone, classes).eval()
            nn.init.normal_(classifier.head.bias)
        return classifier

    return make
