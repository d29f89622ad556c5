"""A small project with one finished run, and the workbench around a copy of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from florascope.app.guards import Access
from florascope.studio.project import Project
from florascope.studio.runs import LIST, Request, Runs, write_list
from florascope.studio.server import create_studio
from florascope.studio.worker import train

TOKEN = "a-key"
COLOURS = {"daisy": (235, 235, 225), "rose": (200, 30, 60), "violet": (110, 60, 190)}
PHOTOS = 12
TINY = Request("probe", "first", "test_resnet", "random", {"size": 64, "max_iterations": 8})


@pytest.fixture(scope="session", autouse=True)
def _own_cache(session_cache: Path) -> None:
    """Keep what these tests embed."""


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of noisy photos of one colour each."""
    root, rng = tmp_path_factory.mktemp("source") / "flowers", np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for number in range(PHOTOS):
            pixels = np.array(colour) + rng.normal(0, 40, (60, 80, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(root / name / f"{number}.jpg")
    return root


@pytest.fixture(scope="session")
def _trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "mine"
    project = Project.open(folder, source)
    run = Runs(folder).begin(TINY)
    write_list(project, run.path / LIST)
    train(folder, run.number, lambda _what, _done, _total: None)
    return folder


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> Project:
    """A project of its own for each test, with run 1 on timm's smallest network."""
    folder = tmp_path / "mine"
    shutil.copytree(_trained, folder)
    return Project.open(folder)


@pytest.fixture
def client(trained: Project) -> Iterator[TestClient]:
    """The workbench around it, as its page sees it."""
    app = create_studio(trained, TOKEN, Access(frozenset({"testserver"})), "florascope studio")
    with TestClient(app, base_url=f"http://testserver/{TOKEN}/") as client:
        yield client


@pytest.fixture
def photo(source: Path) -> bytes:
    return (source / "rose" / "0.jpg").read_bytes()
