"""What version 0.1 wrote still opens: its config.json and metrics.json lie beside, unchanged.

The weights and the graph are those of the shipped model, which 0.1 saved.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import florascope as fs
from florascope.bundle.config import CONFIG, GRAPH, WEIGHTS, find_bundle, read_config

OLD = Path(__file__).parent / "version_0_1"
SHIPPED = find_bundle("flowers102-mobilenetv2")
SAVED_BY_0_1 = {
    GRAPH: "f72a2e0fe7aba4703f119d54e73c04a51f6a8ffdd8a1d01f9e47ebeca7c64df6",
    WEIGHTS: "425762d3288618b72413735bd0e59e366cf863888fd2d7001a58eb1228a291e4",
}


@pytest.fixture(scope="module")
def old_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    (folder / "bundle").mkdir()
    for name, digest in SAVED_BY_0_1.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == digest
        shutil.copy(SHIPPED / name, folder / "bundle" / name)
    shutil.copy(OLD / CONFIG, folder / "bundle" / CONFIG)
    shutil.copy(OLD / "metrics.json", folder / "metrics.json")
    return folder


def test_the_config_of_0_1(old_run: Path) -> None:
    config = read_config(old_run / "bundle")
    assert (len(config.classes), config.preprocessing.size) == (102, 256)
    assert config.calibration is not None
    assert config.calibration.photos == 818


def test_a_bundle_of_0_1_answers_as_it_did(old_run: Path) -> None:
    photo = Path(str(fs.__file__)).parent / "app" / "static" / "samples" / "4.webp"
    old, new = (fs.Model(bundle).identify(photo) for bundle in (old_run, SHIPPED))
    np.testing.assert_allclose(old.probabilities, new.probabilities)
    assert old.statement() == new.statement()


def test_a_run_of_0_1_opens(old_run: Path) -> None:
    told = json.loads((OLD / "metrics.json").read_text())
    run = fs.open_run(old_run)
    assert isinstance(run.recipe, fs.ClassReport)  # 0.1 called it "seed"
    assert told["recipe"] == "seed"
    assert (run.recipe.epochs, run.recipe.size) == (told["epochs"], told["size"])
    assert run.metrics["test"].loss == told["test"]["loss"]
    with pytest.raises(fs.FlorascopeError, match="does not say where its photos lie"):
        run.confusions  # noqa: B018
