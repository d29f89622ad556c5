"""Small networks, made once, and a cache of the tests' own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from torch import nn

from florascope.data.dataset import ClassName
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty cache for every test, except that exported graphs serve the whole session."""
    graphs = tmp_path_factory.getbasetemp() / "graphs"
    graphs.mkdir(exist_ok=True)
    own = tmp_path / "cache"
    own.mkdir()
    (own / "graphs").symlink_to(graphs)
    monkeypatch.setenv("FLORASCOPE_CACHE", str(own))
    return own


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tests' checks of signatures: what a user's damaged file meets."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def make_backbone() -> Callable[..., Backbone]:
    """Make a seeded backbone in eval mode whose norms are not the identity, as after training."""

    def make(name: str, seed: int = 0, **model_args: Any) -> Backbone:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            backbone = Backbone(name, model_args=model_args).eval()
            for module in backbone.net.modules():
                _unsettle(module)
        return backbone

    return make


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
