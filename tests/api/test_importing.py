"""Models of other frameworks as bundles: the same logits, identified, evaluated, calibrated."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from tests.support.graphs import BIAS, CHANNELS, KERNEL, SIDE, WEIGHT, Chain, body  # noqa: E402

import florascope as fs  # noqa: E402
from florascope.api.importing import import_model  # noqa: E402
from florascope.bundle.config import read_config  # noqa: E402
from florascope.errors import BundleError  # noqa: E402
from florascope.evaluation.evaluator import evaluate  # noqa: E402
from florascope.export.timm_folder import export_timm  # noqa: E402
from florascope.nets.saving import load_classifier  # noqa: E402
from florascope.nets.told import Told  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
layers, SIZE = keras.layers, 16
NAMES = ("daisy", "rose", "violet")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that tells the three colours of `photo_folder` apart by the mean pixel."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, 2, strides=2, use_bias=False),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    same = np.zeros((2, 2, 3, 3), np.float32)
    same[:, :, range(3), range(3)] = 0.25
    colours = np.array([(235, 235, 225), (200, 30, 60), (110, 60, 190)]) / 255
    weight, bias = 40 * colours.T, -20 * (colours**2).sum(1)  # the nearest colour
    model.set_weights([same, weight, bias])
    path: Path = tmp_path_factory.mktemp("keras") / "colours.keras"
    model.save(path)
    return path


def test_a_keras_file_identifies_and_is_evaluated(
    file: Path, photo_folder: Path, tmp_path: Path
) -> None:
    bundle = fs.import_keras(file, tmp_path / "bundle", classes=NAMES)
    assert sorted(p.name for p in bundle.iterdir()) == ["README.md", "config.json", "model.onnx"]
    photo = photo_folder / "rose" / "1.jpg"
    answer = fs.Model(bundle).identify(photo)
    truth = fs.explain(fs.wrap(file, NAMES), photo)
    assert answer.candidates(top=1)[0].name == truth.target.name == "rose"
    assert answer.probabilities.max() == pytest.approx(truth.probability, rel=1e-4)
    evidence = answer.class_map(1).sum() + answer.bias(1)
    assert evidence == pytest.approx(truth.logit, rel=1e-4)
    classifier, data = load_classifier(bundle), fs.load(photo_folder)
    found = evaluate(classifier, data, np.arange(len(data)))
    assert found.metrics.top1 == 1.0
    assert fs.explain(classifier, photo).values == pytest.approx(
        fs.explain(fs.wrap(file, NAMES), photo, method="cam").values, abs=1e-5
    )


def test_photos_calibrate_it(file: Path, photo_folder: Path, tmp_path: Path) -> None:
    bundle = fs.import_keras(file, tmp_path / "bundle", classes=NAMES, data=photo_folder)
    calibration = read_config(bundle).calibration
    assert calibration is not None
    assert calibration.photos == 3  # a tenth of thirty validates
    assert (
        "confidence was never checked"
        not in fs.Model(bundle).identify(photo_folder / "violet" / "2.jpg").statement()
    )


def test_what_such_a_bundle_cannot_do_is_said(file: Path, tmp_path: Path) -> None:
    bundle = fs.import_keras(file, tmp_path / "bundle")
    with pytest.raises(BundleError, match="imported from elsewhere.*as onnx, web or int8"):
        export_timm(bundle, tmp_path / "timm")


def test_an_onnx_file_beside_its_name(tmp_path: Path) -> None:
    chain = body().then("GlobalAveragePool").then("Flatten")
    onnx.save(
        chain.then("Gemm", WEIGHT, BIAS, transB=1).then("Softmax").model(), tmp_path / "m.onnx"
    )
    bundle = fs.import_onnx(tmp_path / "m.onnx", preprocessing="torch")
    assert bundle == tmp_path / "m"
    found = import_model(tmp_path / "m.onnx", tmp_path / "again", Told.of(None, "torch"))
    assert found.gap < 1e-5
    assert found.obstacle == ""
    assert len(fs.Model(bundle).classes) == 3


def test_a_network_without_maps_answers_all_the_same(tmp_path: Path) -> None:
    chain = body().then("GlobalMaxPool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model(), tmp_path / "m.onnx")
    found = import_model(tmp_path / "m.onnx", None, Told.of(None, "unit"))
    assert "GlobalMaxPool" in found.obstacle
    photo: Any = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert fs.Model(found.bundle).identify(photo).observation.maps is None
    assert fs.explain(load_classifier(found.bundle), photo).method == "occlusion"


def test_what_no_bundle_may_hold_is_refused(tmp_path: Path) -> None:
    chain = Chain().then("Atan").then("Conv", KERNEL, strides=[2, 2]).then("Relu")
    chain = chain.then("GlobalAveragePool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model(), tmp_path / "m.onnx")
    with pytest.raises(BundleError, match="operator 'Atan' is not one of those allowed"):
        fs.import_onnx(tmp_path / "m.onnx", preprocessing="unit")
    assert not (tmp_path / "m").exists()


def test_one_picture_at_a_time_is_refused(tmp_path: Path) -> None:
    """Each row is brought into the shape of all rows: no other number of them fits."""
    chain = body().then("GlobalAveragePool").then("Flatten")
    one = np.ones((1, CHANNELS), np.float32)
    chain = chain.then("Concat", one, axis=0).then("ReduceSum", np.array([0]))
    chain.then("Gemm", WEIGHT, BIAS, transB=1)
    onnx.save(chain.model((1, 3, SIDE, SIDE)), tmp_path / "m.onnx")
    with pytest.raises(BundleError, match="exactly 1 pictures at a time.*dynamic batch"):
        fs.import_onnx(tmp_path / "m.onnx", preprocessing="unit")
