"""Halved bundles against whole ones: half the bytes, the same answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.support.surroundings import full_disk
from timm.data import create_transform, resolve_model_data_config
from torch import nn

from florascope.data.dataset import ClassName
from florascope.errors import BundleError, FlorascopeError
from florascope.nets import saving
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.onnx_graph import classifier_graph
from florascope.nets.saving import load_classifier, round_to_half, save_bundle, to_half
from florascope.preprocessing import Preprocessing

MakeClassifier = Callable[..., Classifier]


@pytest.fixture
def classifier(make_classifier: MakeClassifier) -> Classifier:
    return make_classifier("test_resnet")


def run(graph: bytes, image: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image}), strict=True))


def test_rounded_weights_are_half_precision_numbers(classifier: Classifier) -> None:
    twin = round_to_half(classifier)
    for before, after in zip(classifier.parameters(), twin.parameters(), strict=True):
        expected = before.half().float() if before.ndim > 1 else before
        assert torch.equal(after, expected)
    assert twin is not classifier


def as_after_fine_tuning(classifier: Classifier) -> Classifier:
    """Let every BatchNorm shift alone, as folding and unfolding leaves it."""
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.running_mean)  # type: ignore[arg-type]
            nn.init.constant_(module.running_var, 1 - module.eps)  # type: ignore[arg-type]
    return classifier


def differences(classifier: Classifier) -> tuple[float, float]:
    """Bytes of the halved graph over the whole one's, and the largest relative difference."""
    whole = classifier_graph(round_to_half(classifier))
    small = to_half(whole)
    size = classifier.preprocessing.size
    image = np.random.default_rng(0).normal(0, 1, (2, 3, size, size)).astype(np.float32)
    first, second = (run(g.SerializeToString(), image) for g in (whole, small))
    assert first.keys() == second.keys()
    gaps = [np.abs(second[name] - v).max() / np.abs(v).max() for name, v in first.items()]
    return small.ByteSize() / whole.ByteSize(), float(max(gaps))


def test_a_halved_graph_is_smaller_and_answers_the_same(classifier: Classifier) -> None:
    share, gap = differences(as_after_fine_tuning(classifier))
    assert share < 0.62
    assert gap < 1e-5


def test_what_batchnorm_scales_is_left_whole(classifier: Classifier) -> None:
    share, gap = differences(classifier)
    assert share > 0.62
    assert gap < 1e-5


def test_the_graph_that_was_given_is_left_alone(classifier: Classifier) -> None:
    whole = classifier_graph(classifier)
    before = whole.SerializeToString()
    to_half(whole)
    assert whole.SerializeToString() == before


@pytest.fixture
def no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the export, which takes seconds, where the graph is not looked at."""
    monkeypatch.setattr(saving, "classifier_graph", lambda *_: onnx.ModelProto())


@pytest.fixture
def saved(tmp_path: Path, make_classifier: Callable[..., Classifier], no_graph: None) -> Path:
    """A bundle."""
    path = tmp_path / "bundle"
    save_bundle(make_classifier("test_resnet"), path, {"data": "planted"}, "# A card")
    return path


def logits(network: torch.nn.Module, size: int) -> torch.Tensor:
    batch = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found: torch.Tensor = network(batch)
    return found


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize(
    ("name", "model_args"),
    [
        ("mobilenetv2_100", {"pad_type": "same"}),
        ("resnet18", {}),
        ("convnext_atto", {}),
        ("efficientnet_b0", {}),
        ("vit_tiny_patch16_224", {"global_pool": "avg"}),
        ("mobilenetv3_small_050", {}),  # does not pool linearly
        ("dla46x_c", {}),  # a 1 x 1 convolution for a classifier
        ("test_vit", {}),  # made for 224 unless it is told of its 160
    ],
)
def test_plain_timm_gives_the_same_logits(
    name: str,
    model_args: dict[str, Any],
    make_classifier: Callable[..., Classifier],
    tmp_path: Path,
) -> None:
    classifier = make_classifier(name, **model_args)
    save_bundle(classifier, tmp_path / "bundle", {})
    plain = timm.create_model(f"local-dir:{tmp_path / 'bundle'}", pretrained=True).eval()
    ours = logits(classifier, classifier.preprocessing.size)
    assert torch.allclose(ours, logits(plain, classifier.preprocessing.size), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("crop_mode", ["center", "squash"])
def test_plain_timm_gives_the_same_input(crop_mode: Any, tmp_path: Path) -> None:
    pre = Preprocessing(160, 0.95, crop_mode, "bicubic", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    classifier = Classifier(Backbone("test_resnet", pre), classes=(ClassName("a", "a"),))
    save_bundle(classifier, tmp_path / "bundle", {})
    plain = timm.create_model(f"local-dir:{tmp_path / 'bundle'}", pretrained=True)
    transform = create_transform(**resolve_model_data_config(plain))
    rgb = np.random.default_rng(0).integers(0, 256, (201, 333, 3), dtype=np.uint8)
    assert np.abs(transform(Image.fromarray(rgb)).numpy() - pre(rgb)).max() < 1e-6


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("name", ["test_convnext", "dla46x_c", "test_vit", "mobilenetv3_small_050"])
def test_a_round_trip_is_bit_identical(
    name: str, make_classifier: Callable[..., Classifier], tmp_path: Path
) -> None:
    classifier = make_classifier(name)
    config = save_bundle(classifier, tmp_path / "bundle", {"seed": 0})
    again = load_classifier(tmp_path / "bundle")
    size = classifier.preprocessing.size
    assert torch.equal(logits(again, size), logits(classifier, size))
    assert again.backbone.digest() == classifier.backbone.digest()
    assert again.preprocessing == classifier.preprocessing
    assert again.classes == classifier.classes
    assert not again.training
    assert config.provenance == {"seed": 0}


def test_a_bundle_holds_four_files_and_runs_by_itself(
    tmp_path: Path, make_classifier: Callable[..., Classifier]
) -> None:
    classifier = make_classifier("test_convnext", K=5)
    save_bundle(classifier, tmp_path / "bundle", {}, "# Karte: Tränendes Herz")
    files = {path.name for path in (tmp_path / "bundle").iterdir()}
    assert files == {"config.json", "model.safetensors", "model.onnx", "README.md"}
    assert (tmp_path / "bundle/README.md").read_text("utf-8") == "# Karte: Tränendes Herz"
    session = ort.InferenceSession(tmp_path / "bundle/model.onnx")
    batch = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(1)).numpy()
    (found,) = session.run(["logits"], {"image": batch})
    assert np.abs(found - logits(classifier, 160).numpy()).max() < 1e-4


def test_others_can_read_the_files(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in saved.iterdir()} == {0o644}


@pytest.mark.usefixtures("no_graph")
def test_saving_changes_nothing_in_the_classifier(
    make_classifier: Callable[..., Classifier], tmp_path: Path
) -> None:
    classifier = make_classifier("test_resnet").train()
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    save_bundle(classifier, tmp_path / "bundle", {})
    assert classifier.training
    assert all(torch.equal(before[k], v) for k, v in classifier.state_dict().items())


@pytest.mark.usefixtures("no_graph")
def test_a_new_bundle_replaces_an_old_one(
    saved: Path, make_classifier: Callable[..., Classifier]
) -> None:
    (saved / "stale.txt").touch()
    other = make_classifier("test_resnet", K=3, seed=5)
    save_bundle(other, saved, {})
    assert torch.equal(logits(load_classifier(saved), 160), logits(other, 160))
    assert not (saved / "stale.txt").exists()
    assert [path.name for path in saved.parent.iterdir() if path.name != "cache"] == ["bundle"]


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_leaves_what_was_there(
    exists: bool, saved: Path, make_classifier: Callable[..., Classifier]
) -> None:
    target = saved if exists else saved.parent / "new"
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert len(before["model.safetensors"]) > 100_000 > len(before["config.json"])
    with full_disk(100_000), pytest.raises(FlorascopeError) as raised:
        save_bundle(make_classifier("test_resnet", seed=9), target, {})
    assert raised.value.found == f"{target} cannot be written (File too large)"
    assert "nothing was changed there" in raised.value.fix
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert {path.name for path in saved.parent.iterdir()} == {"bundle", "cache"}


@pytest.mark.usefixtures("no_graph")
def test_figures_that_are_no_numbers_write_nothing(
    make_classifier: Callable[..., Classifier], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_bundle(make_classifier("test_resnet"), tmp_path / "bundle", {"loss": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def reread(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((path / "config.json").read_text("utf-8"))
    return values


def test_a_bundle_without_its_weights(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"model.safetensors cannot be read \(No such file"):
        load_classifier(saved)


def test_a_bundle_with_damaged_weights(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BundleError, match=r"is damaged: .* is not a safetensors file"):
        load_classifier(saved)


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a bundle"):
        load_classifier(tmp_path)


def test_a_config_of_another_architecture(saved: Path) -> None:
    values = {**reread(saved), "architecture": "test_convnext"}
    (saved / "config.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match=r"is damaged: .* does not fit test_convnext: "):
        load_classifier(saved)


def test_a_config_of_no_architecture(saved: Path) -> None:
    values = {**reread(saved), "architecture": "buttercup"}
    (saved / "config.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match="is damaged: timm has no backbone 'buttercup'"):
        load_classifier(saved)


def test_a_config_that_would_load_a_pickle(saved: Path) -> None:
    values = {**reread(saved), "model_args": {"checkpoint_path": "evil.pth"}}
    (saved / "config.json").write_text(json.dumps(values))
    with pytest.raises(BundleError, match="not the network's own: checkpoint_path"):
        load_classifier(saved)


def change_weights(path: Path, **changes: torch.Tensor | None) -> None:
    state = {**load_file(path / "model.safetensors"), **changes}
    kept = {key: value for key, value in state.items() if value is not None}
    save_file(kept, path / "model.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("fc.weight", None, "{'fc.bias': (7,)}"),
        ("fc.bias", None, "{'fc.weight': (7, 96)}"),
        ("fc.weight", torch.zeros(6, 96), "{'fc.weight': (6, 96), 'fc.bias': (7,)}"),
        ("fc.bias", torch.zeros(1), "{'fc.weight': (7, 96), 'fc.bias': (1,)}"),
    ],
)
def test_a_classifier_that_does_not_fit(
    key: str, value: torch.Tensor | None, found: str, saved: Path
) -> None:
    change_weights(saved, **{key: value})
    with pytest.raises(BundleError) as raised:
        load_classifier(saved)
    assert f"classifier of shapes {found}" in str(raised.value)
    assert "expected {'fc.weight': (7, 96), 'fc.bias': (7,)}" in str(raised.value)


def test_a_backbone_that_does_not_fit(saved: Path) -> None:
    change_weights(saved, **{"bn1.weight": None, "petals": torch.zeros(1)})
    with pytest.raises(
        BundleError, match=r"1 weights missing, 1 left over, 0 of another shape \(first: bn1.weight"
    ):
        load_classifier(saved)
