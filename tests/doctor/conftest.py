"""One small world, painted once a session, for all trainings that are diagnosed."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # failures.py is shared with the benchmark

make_world = import_module("world").make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Painted photos and timm's smallest network."""
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Heads drawn anew, shuffled loaders: the same in every test, whatever ran before it."""
    torch.manual_seed(0)
