"""What surrounds a test: its own cache, and signatures that nothing checks."""

from pathlib import Path

import jaxtyping
import pytest


@pytest.fixture
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
