"""The exported graph: described, runnable by plain ONNX Runtime, and the bundle's own."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from florascope.bundle.config import read_config
from florascope.errors import BundleError
from florascope.export.graph import export_onnx
from florascope.identify.identifier import Identifier
from florascope.preprocessing import Preprocessing

RGB = np.random.default_rng(0).integers(0, 256, (190, 260, 3), dtype=np.uint8)


def test_the_folder_answers_as_the_bundle_does(bundle: Path, tmp_path: Path) -> None:
    assert export_onnx(bundle, tmp_path / "onnx") == ["README.md", "config.json", "model.onnx"]
    found, truth = Identifier(tmp_path / "onnx")(RGB), Identifier(bundle)(RGB)
    assert found.to_json() == truth.to_json()
    np.testing.assert_array_equal(found.observation.maps, truth.observation.maps)


def test_the_graph_says_what_it_takes_and_gives(bundle: Path, tmp_path: Path) -> None:
    export_onnx(bundle, tmp_path / "onnx")
    model, config = onnx.load(tmp_path / "onnx" / "model.onnx"), read_config(bundle)
    values = [*model.graph.input, *model.graph.output]
    names = ["image", "logits", "cam", "features", "similarities", "ratios"]
    assert [v.name for v in values] == names
    assert all(v.doc_string for v in values)
    told = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert Preprocessing.from_json(told["preprocessing"]) == config.preprocessing
    assert told["classes"][93] == {"id": "94", "name": "foxglove"}
    assert config.calibration
    assert told["calibration"] == config.calibration.to_json()


def test_the_card_describes_every_output_below_the_bundles_own(
    bundle: Path, tmp_path: Path
) -> None:
    export_onnx(bundle, tmp_path / "onnx")
    card = (tmp_path / "onnx" / "README.md").read_text()
    assert card.startswith("# A card\n")
    assert "| `cam` | out | batch x 102 x " in card
    assert "ai.onnx 20" in card
    size = read_config(bundle).preprocessing.size
    assert f"cut out the middle {size} x {size}" in card


def test_metadata_reach_a_session(bundle: Path, tmp_path: Path) -> None:
    export_onnx(bundle, tmp_path / "onnx")
    session = ort.InferenceSession(str(tmp_path / "onnx" / "model.onnx"))
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert len(classes) == session.get_outputs()[0].shape[1] == 102


def test_a_network_without_maps(unmapped: Path, tmp_path: Path) -> None:
    export_onnx(unmapped, tmp_path / "onnx")
    card = (tmp_path / "onnx" / "README.md").read_text()
    assert "`features`" in card
    assert "`cam`" not in card


def test_a_graph_of_other_classes_is_refused(bundle: Path, unmapped: Path, tmp_path: Path) -> None:
    (tmp_path / "mixed").mkdir()
    for name, source in (("config.json", unmapped), ("model.onnx", bundle)):
        (tmp_path / "mixed" / name).write_bytes((source / name).read_bytes())
    with pytest.raises(BundleError, match="as its config.json says"):
        export_onnx(tmp_path / "mixed", tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()


def test_a_graph_that_cannot_run_is_refused(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_bytes((bundle / "config.json").read_bytes())
    model = onnx.load(bundle / "model.onnx")
    del model.graph.initializer[0]
    (tmp_path / "damaged" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match="cannot be run"):
        export_onnx(tmp_path / "damaged", tmp_path / "onnx")
