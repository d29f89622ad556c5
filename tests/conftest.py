"""Fixtures that every test may use, and array shapes checked throughout."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jaxtyping
import numpy as np
import pytest
from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception
from hypothesis import settings
from PIL import Image

TOWER = BeartypeConf(is_pep484_tower=True)  # an int is a float, as it is to mypy

Checked = TypeVar("Checked", bound=Callable[..., Any])


def checked(function: Checked) -> Checked:
    """Have beartype check the calls of a function, if it can.

    It cannot where a signature says Self, or a Protocol that is not @runtime_checkable.
    """
    try:
        return beartype(conf=TOWER)(function)
    except (BeartypeDecorHintPep673Exception, BeartypeDecorHintPep3119Exception):
        return function


os.environ.setdefault("OMP_NUM_THREADS", "1")  # one thread a worker: more would wait
os.environ.setdefault("KERAS_BACKEND", "torch")  # the one that is there

# Before anything imports florascope: every call in the tests then checks its signature's shapes.
jaxtyping.install_import_hook("florascope", f"{__name__}.checked")

settings.register_profile("florascope", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("florascope")

pytest_plugins = [
    f"tests.support.{name}" for name in ("surroundings", "networks", "painted", "chromium")
]

VARIABLES = {"real_data": "FLORASCOPE_DATA", "real_weights": "FLORASCOPE_WEIGHTS"}
# What takes longest, for pytest-xdist to begin with: last, one file would leave the others waiting.
LONGEST = (
    "doctor/test_script.py",
    "explanation/test_contract.py",
    "doctor/test_keras.py",
    "cluster/test_engines.py",
    "training/test_finetune.py",
    "cli/test_train.py",
    "docs/test_site.py",
    "docs/test_pages.py",
    "explanation/test_inference.py",
    "explanation/test_planted_mark.py",
    "export/test_web.py",
    "nets/test_onnx_graph.py",
    "training/test_devices.py",
    "garden/test_scene.py",
    "training/test_experiment.py",
    "report/test_page.py",
    "cli/test_bad_input.py",
    "export/test_int8.py",
)
COLOURS = {"daisy": (235, 235, 225), "rose": (200, 30, 60), "violet": (110, 60, 190)}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Keep the order below; xdist would begin with the files of the most tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files."""
    rank = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked real_data or real_weights where the variable is unset."""
    for marker in VARIABLES:
        if item.get_closest_marker(marker) is not None:
            _folder(marker)


def _folder(marker: str) -> Path:
    variable = VARIABLES[marker]
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set: {marker} tests need the folder it names")
    if not Path(value).is_dir():
        pytest.fail(f"{variable} names {value}, which is no folder", pytrace=False)
    return Path(value)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that FLORASCOPE_DATA names, which holds flowers-102/; skips where unset."""
    return _folder("real_data")


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The folder that FLORASCOPE_WEIGHTS names; skips where unset."""
    return _folder("real_weights")


@pytest.fixture(scope="session")
def painted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three class folders (daisy, rose, violet), ten JPEGs of 40 x 30 in each.

    The classes differ in colour, with noise of fixed seed, so that anything can learn them.
    """
    root = tmp_path_factory.mktemp("painted") / "photos"
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir(parents=True)
        for number in range(1, 11):
            pixels = np.array(colour) + rng.normal(0, 12, (30, 40, 3))
            photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            photo.save(root / name / f"{number}.jpg", quality=90)
    return root


@pytest.fixture
def photo_folder(painted_folder: Path, tmp_path: Path) -> Path:
    """A copy of the painted folder, which a test may spoil."""
    return Path(shutil.copytree(painted_folder, tmp_path / "photos"))
