"""Answers without torch, against the network in torch."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.data.dataset import ClassName
from florascope.errors import BundleError
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier
from florascope.model.saving import load_classifier, save_bundle
from florascope.runtime.identifier import Identifier


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLORASCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        names = tuple(ClassName(str(k), f"class {k}") for k in range(7))
        path = tmp_path_factory.mktemp("bundles") / "one"
        save_bundle(Classifier(Backbone("test_resnet"), names).eval(), path, {})
    return path


def test_logits_equal_those_of_torch(bundle: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (190, 260, 3), dtype=np.uint8)
    classifier = load_classifier(bundle)
    with torch.no_grad():
        expected = classifier(torch.from_numpy(classifier.preprocessing(rgb)[None]))[0].numpy()
    np.testing.assert_allclose(Identifier(bundle).logits(rgb), expected, atol=1e-4)


def test_candidates_follow_the_logits(bundle: Path) -> None:
    rgb = np.full((160, 160, 3), 90, np.uint8)
    identifier = Identifier(bundle)
    logits = identifier.logits(rgb).astype(np.float64)
    found = identifier.candidates(rgb, 3)
    assert [c.index for c in found] == np.argsort(-logits)[:3].tolist()
    assert found[0].probability == pytest.approx(np.exp(logits.max()) / np.exp(logits).sum())
    assert found[0].name == identifier.config.classes[found[0].index]


def test_a_graph_that_is_none(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((bundle / "config.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match=r"model\.onnx cannot be run"):
        Identifier(tmp_path)


def test_a_config_that_lies_about_the_classes(bundle: Path, tmp_path: Path) -> None:
    config = json.loads((bundle / "config.json").read_text())
    config["num_classes"] = 2
    config["florascope"]["classes"] = config["florascope"]["classes"][:2]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes())
    with pytest.raises(BundleError, match="logits of 2 classes out"):
        Identifier(tmp_path)
