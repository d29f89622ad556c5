"""What surrounds a test: its own cache, other processes, and signatures that nothing checks."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jaxtyping
import onnx
import pytest

from florascope.nets import onnx_graph
from florascope.nets.extractor import FeatureExtractor


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


def _as_cache(own: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(own))
        yield own


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache for what the tests of several modules share, from its first use on."""
    yield from _as_cache(empty_cache(tmp_path_factory.mktemp("session"), tmp_path_factory))


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache that the tests of a module share, with what they share."""
    yield from _as_cache(empty_cache(tmp_path_factory.mktemp("shared"), tmp_path_factory))


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let no file grow past the limit, in bytes, as a full disk would not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


CLAIMER = """
import sys
from pathlib import Path
from florascope.files import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def claimer(folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds a folder until it is told or killed."""
    command = [sys.executable, "-c", CLAIMER, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline() == "claimed\n"
        try:
            yield other
        finally:
            other.kill()


@pytest.fixture(scope="session", autouse=True)
def _recording_unchecked() -> Iterator[None]:
    """Leave out the tests' checks of shapes while PyTorch records a network, as for users.

    Recorded sizes are tensors, which the checks do not know: they would end every recording of a
    ViT, and the newer exporter would take its place, for some ten seconds each.
    """
    recorded = onnx_graph._recorded

    def recorded_unchecked(backbone: FeatureExtractor) -> onnx.ModelProto:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
            return recorded(backbone)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_graph, "_recorded", recorded_unchecked)
        yield


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the tests' checks of signatures: what a user's damaged file meets."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
