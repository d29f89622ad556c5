"""Answers without torch, against the network in torch and what was planted in the calibration."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from florascope.calibration.calibration import Calibrated, Calibration, Familiarity
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import similarities
from florascope.data.dataset import ClassName
from florascope.errors import BundleError, PhotoError
from florascope.explanation.cam import class_maps
from florascope.identify.identifier import Identifier
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier, save_bundle

K = 7
RGB = np.random.default_rng(0).integers(0, 256, (190, 260, 3), dtype=np.uint8)


def calibration(temperature: float = 2.0, alike: float = -1.0, sure: float = 0.0) -> Calibration:
    return Calibration(50, temperature, 0.2, 0.1, 0.9, (0.5,) * K, alike, sure)


def save(path: Path, calibrated: Calibrated | None) -> Path:
    torch.manual_seed(0)
    names = tuple(ClassName(str(k), f"class {k}") for k in range(K))
    save_bundle(Classifier(Backbone("test_resnet"), names).eval(), path, {}, calibrated=calibrated)
    return path


def means() -> np.ndarray:
    rows = np.random.default_rng(1).uniform(0, 1, (K, 96)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return save(tmp_path_factory.mktemp("bundles") / "one", Calibrated(calibration(), means()))


def altered(bundle: Path, folder: Path, **changes: Any) -> Path:
    """The same bundle with another calibration; None for the whole section removes it."""
    config = json.loads((bundle / "config.json").read_text())
    config["florascope"]["calibration"].update(changes)
    if not changes:
        del config["florascope"]["calibration"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    return folder


def test_one_pass_equals_torch(bundle: Path) -> None:
    classifier = load_classifier(bundle)
    image = torch.from_numpy(classifier.preprocessing(RGB)[None])
    with torch.no_grad():
        expected = classifier.answer(image)
    observed = Identifier(bundle).observe(RGB)
    np.testing.assert_allclose(observed.logits, expected.logits[0].numpy(), atol=1e-4)
    assert observed.maps is not None
    np.testing.assert_allclose(
        observed.maps, class_maps(classifier, image).maps[0].numpy(), atol=1e-5
    )
    alike = similarities(expected.features.numpy(), means()).max()
    assert observed.alike == pytest.approx(alike, abs=1e-5)


def test_probabilities_are_those_of_the_tempered_logits(bundle: Path) -> None:
    answer = Identifier(bundle)(RGB)
    weights = np.exp(answer.observation.logits.astype(np.float64) / 2.0)
    np.testing.assert_allclose(answer.probabilities, weights / weights.sum())
    assert [c.probability for c in answer.candidates(top=K)] == sorted(
        answer.probabilities, reverse=True
    )


def test_pixels_bytes_and_path_give_the_same(bundle: Path, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "photo.png"
    Image.fromarray(RGB).save(path)
    identifier = Identifier(bundle)
    first = identifier(RGB).to_json()
    assert identifier(path).to_json() == first
    assert identifier(path.read_bytes()).to_json() == first
    with pytest.raises(PhotoError, match="not a photo"):
        identifier(b"no photo at all")


def test_several_photos_are_answered_as_each_alone_and_errors_keep_their_places(
    bundle: Path,
) -> None:
    identifier, other = Identifier(bundle), np.ascontiguousarray(RGB[::-1] // 2)
    first, broken, second = identifier.several([RGB, b"no photo at all", other])
    assert isinstance(broken, PhotoError)
    for found, photo in ((first, RGB), (second, other)):
        assert not isinstance(found, PhotoError)
        alone = identifier(photo)
        assert found.verdict.level == alone.verdict.level
        np.testing.assert_array_equal(found.observation.crop, alone.observation.crop)
        for name in ("logits", "maps", "features", "alike"):
            several, single = getattr(found.observation, name), getattr(alone.observation, name)
            np.testing.assert_allclose(several, single, atol=1e-4)
    assert identifier.several([]) == []
    (none,) = identifier.several([b"none"])
    assert isinstance(none, PhotoError)


def one_at_a_time(graph: onnx.ModelProto) -> None:
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


def one_at_a_time_without_saying_so(graph: onnx.ModelProto) -> None:
    shape = onnx.numpy_helper.from_array(np.array([1, 96]), "one.row")
    graph.graph.initializer.append(shape)
    head = next(node for node in graph.graph.node if "features" in node.output)
    head.output[list(head.output).index("features")] = "rows"
    for node in graph.graph.node:
        node.input[:] = ["rows" if name == "features" else name for name in node.input]
    graph.graph.node.append(onnx.helper.make_node("Reshape", ["rows", "one.row"], ["features"]))


@pytest.mark.parametrize("change", [one_at_a_time, one_at_a_time_without_saying_so])
def test_a_graph_of_one_photo_at_a_time_is_asked_as_often(
    change: Callable[[onnx.ModelProto], None], bundle: Path, tmp_path: Path
) -> None:
    graph = onnx.load(str(bundle / "model.onnx"))
    change(graph)
    (tmp_path / "config.json").write_bytes((bundle / "config.json").read_bytes())
    onnx.save(graph, str(tmp_path / "model.onnx"))
    found = Identifier(tmp_path).several([RGB, RGB])
    truth = Identifier(bundle)(RGB).to_json()
    assert [a.to_json() for a in found if not isinstance(a, PhotoError)] == [truth, truth]


def test_the_thresholds_decide(bundle: Path, tmp_path: Path) -> None:
    answer = Identifier(bundle)(RGB)
    top, alike = float(answer.probabilities.max()), answer.observation.alike
    assert alike is not None
    assert answer.prediction_set == (int(answer.probabilities.argmax()),)  # none reaches 0.5
    assert answer.verdict.level == "species"
    cases = {"none": {"alike": alike + 1e-3}, "species": {"alike": alike - 1e-3}}
    cases["unsure"] = {"sure": top + 1e-3}
    for level, changes in cases.items():
        folder = tmp_path / level
        folder.mkdir()
        assert Identifier(altered(bundle, folder, **changes))(RGB).verdict.level == level


def test_a_bundle_without_calibration_is_never_sure(bundle: Path, tmp_path: Path) -> None:
    answer = Identifier(altered(bundle, tmp_path))(RGB)
    assert not answer.calibrated
    assert answer.verdict.level == "unsure"
    assert "never checked" in answer.statement()


def test_threads_agree(bundle: Path) -> None:
    one, two = (Identifier(bundle, threads=n).observe(RGB).logits for n in (1, 2))
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_graph_that_is_none(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((bundle / "config.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match=r"model\.onnx is not a graph that may be run"):
        Identifier(tmp_path)


def test_a_config_that_lies_about_the_classes(bundle: Path, tmp_path: Path) -> None:
    config = json.loads((bundle / "config.json").read_text())
    config["num_classes"] = 2
    config["florascope"]["classes"] = config["florascope"]["classes"][:2]
    del config["florascope"]["calibration"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    with pytest.raises(
        BundleError,
        match=r"its logits has the shape \(None, 7\), and config\.json says \(None, 2\)",
    ):
        Identifier(tmp_path)


def test_a_possible_stranger_gets_no_name(tmp_path: Path) -> None:
    """The same bundle names the photo, or only what it may be, by the familiarity it asks for."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(10), 8)
    features = rng.uniform(0, 1, (10, 96))[labels] + rng.uniform(0, 0.3, (80, 96))
    ratio = LikelihoodRatio.fit(features.astype(np.float32), labels, 10)
    assert ratio is not None
    ratio = replace(
        ratio, square=ratio.square[:K], linear=ratio.linear[:K], constant=ratio.constant[:K]
    )
    figures = replace(
        calibration(), thresholds=(0.0,) * K, familiarity=Familiarity(1.0, 0.5, -1.0, -1e5)
    )
    bundle = save(tmp_path / "one", Calibrated(figures, means(), ratio))
    answer = Identifier(bundle)(RGB)
    seen = answer.observation
    assert seen.ratios is not None
    assert seen.features is not None
    np.testing.assert_allclose(seen.ratios, ratio(seen.features[None])[0], rtol=1e-3, atol=1e-2)
    odds = float(seen.ratios.max() + 0.5 * seen.logits.max() - 1)
    learned = {"ratio": 1.0, "logit": 0.5, "offset": -1.0}
    for least, level in ((odds - 0.1, "species"), (odds + 0.1, "unsure")):
        (folder := tmp_path / level).mkdir()
        told = Identifier(altered(bundle, folder, familiarity={**learned, "least": least}))(RGB)
        assert told.verdict.level == level
        assert told.probabilities.tolist() == answer.probabilities.tolist()
