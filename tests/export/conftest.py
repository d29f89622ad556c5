"""The browser's engine in Node, and a small calibrated bundle."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from florascope.calibration.calibration import Calibrated, Calibration
from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102_classes
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import save_bundle

ENGINE = Path(str(files("florascope.export") / "web"))
Engine = Callable[..., list[Any]]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Call the engine's functions in Node, all in one process; skips where there is no Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node: install Node.js to test the browser's engine")

    def call(calls: Sequence[dict[str, Any]], **shared: Any) -> list[Any]:
        cases, answers = tmp_path / "cases.json", tmp_path / "answers.json"
        cases.write_text(json.dumps({"shared": shared, "calls": calls}))
        driver = Path(__file__).with_name("engine.mjs")
        subprocess.run([node, driver, ENGINE, cases, answers], check=True)
        return list(json.loads(answers.read_text()))

    return call


def flowers(path: Path, **calibration: Any) -> Path:
    """A bundle of the 102 flowers whose network is random, with means and a calibration."""
    classes = oxford102_classes()
    torch.manual_seed(0)
    backbone = Backbone("test_resnet")
    means = np.random.default_rng(1).uniform(0, 1, (len(classes), backbone.num_features))
    unit = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    thresholds = (0.8,) * len(classes)
    figures = Calibration(
        **{
            "photos": 818,
            "temperature": 0.7,
            "ece_before": 0.02,
            "ece_after": 0.01,
            "level": 0.9,
            "thresholds": thresholds,
            "alike": -1.0,
            "sure": 0.9,
            **calibration,
        }
    )
    classifier = Classifier(backbone, classes)
    with torch.no_grad():  # a head of small random weights answers everything alike
        classifier.head.weight.mul_(40)
    save_bundle(classifier.eval(), path, {}, "# A card\n", Calibrated(figures, unit))
    return path


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return flowers(tmp_path_factory.mktemp("flowers") / "bundle")


@pytest.fixture(scope="session")
def unmapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network has no class maps, without means and calibration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        names = tuple(ClassName(str(k), f"class {k}") for k in range(4))
        torch.manual_seed(0)
        path = tmp_path_factory.mktemp("unmapped") / "bundle"
        save_bundle(Classifier(Backbone("test_mambaout"), names).eval(), path, {})
        return path
