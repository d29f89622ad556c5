"""What surrounds a test: its own cache, and signatures that nothing checks."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jaxtyping
import pytest


def empty_cache(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a cache, empty except that exported graphs serve the whole session."""
    graphs = tmp_path_factory.getbasetemp() / "graphs"
    graphs.mkdir(exist_ok=True)
    own = root / "cache"
    own.mkdir()
    (own / "graphs").symlink_to(graphs)
    return own


@pytest.fixture
def cache(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty cache for every test."""
    own = empty_cache(tmp_path, tmp_path_factory)
    monkeypatch.setenv("FLORASCOPE_CACHE", str(own))
    return own


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache for what the tests of several modules share, from its first use on."""
    own = empty_cache(tmp_path_factory.mktemp("session"), tmp_path_factory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(own))
        yield own


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache that the tests of a module share, with what they share."""
    own = empty_cache(tmp_path_factory.mktemp("shared"), tmp_path_factory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(own))
        yield own


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let no file grow past the limit, in bytes, as a full disk would not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tests' checks of signatures: what a user's damaged file meets."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
