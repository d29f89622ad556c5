"""One small world, painted once a session, for all trainings that are diagnosed."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.spoken import untold

from florascope.doctor.evidence import Finding

sys.path.insert(0, str(Path(__file__).parent))  # failures.py is shared with the benchmark

NAMES = frozenset({"hidden", "drop", "own", "photo"})  # of layers, losses, photos in these tests

make_world = import_module("world").make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Painted photos and timm's smallest network."""
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Heads drawn anew, shuffled loaders: the same in every test, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _told_in_spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a check finds in a test is said in Spanish, with the values that it really has."""
    made: list[Finding] = []
    plain = Finding.__init__

    def kept(self: Finding, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        if sys._getframe(1).f_globals["__name__"].startswith("florascope.doctor"):
            made.append(self)

    monkeypatch.setattr(Finding, "__init__", kept)
    yield
    said = {text for f in made for text in (f.cause, f.found, f.expected, f.fix)}
    assert untold("doctor", said, NAMES) == [], "add it to src/florascope/texts/doctor.es.json"
