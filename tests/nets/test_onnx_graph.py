"""The graph in ONNX Runtime against the network in PyTorch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from florascope.data.dataset import ClassName
from florascope.errors import FlorascopeError
from florascope.nets import onnx_graph
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Embedding
from florascope.nets.onnx_graph import backbone_graph, classifier_graph
from florascope.nets.weights import load_backbone

LINEAR = ("test_resnet", "test_convnext", "test_vit2")


def run(model: onnx.ModelProto, images: torch.Tensor) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"image": images.numpy()}), strict=True))


def images(classifier: Classifier, photos: int) -> torch.Tensor:
    size = classifier.preprocessing.size
    return torch.randn(photos, 3, size, size, generator=torch.Generator().manual_seed(1))


def check_against_torch(classifier: Classifier, photos: int) -> dict[str, np.ndarray]:
    batch = images(classifier, photos)
    found = run(classifier_graph(classifier), batch)
    with torch.no_grad():
        truth = classifier.answer(batch)
    assert np.abs(found["logits"] - truth.logits.numpy()).max() < 1e-4
    assert np.abs(found["features"] - truth.features.numpy()).max() < 1e-4
    return found


def check_maps(classifier: Classifier, found: dict[str, np.ndarray]) -> None:
    bias = classifier.head.bias.detach().numpy()
    sums = found["cam"].sum((2, 3), dtype=np.float64) + bias
    assert np.abs(sums - found["logits"]).max() <= 1e-5 * np.abs(found["logits"]).max()


@pytest.mark.parametrize("photos", [1, 3])
@pytest.mark.parametrize("name", LINEAR)
def test_logits_are_pytorchs_and_maps_sum_to_them(
    name: str, photos: int, make_classifier: Callable[..., Classifier]
) -> None:
    classifier = make_classifier(name, K=5)
    found = check_against_torch(classifier, photos)
    assert list(found) == ["logits", "cam", "features"]
    assert found["cam"].shape[:2] == (photos, 5)
    check_maps(classifier, found)


def test_a_map_is_the_weighted_sum_of_the_feature_map(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier = make_classifier("test_vit2", K=5)
    batch = images(classifier, 2)
    found = run(classifier_graph(classifier), batch)
    with torch.no_grad():
        A = classifier.backbone(batch).map
        maps = torch.einsum("kc,bchw->bkhw", classifier.head.weight, A) / (A.shape[2] * A.shape[3])
    assert np.abs(found["cam"] - maps.numpy()).max() < 1e-5


def test_a_head_that_does_not_pool_linearly_has_no_maps(
    make_classifier: Callable[..., Classifier],
) -> None:
    found = check_against_torch(make_classifier("test_mambaout", K=5), photos=2)
    assert list(found) == ["logits", "features"]


@pytest.mark.real_weights
@pytest.mark.usefixtures("real_weights")
def test_googles_network_with_its_same_padding() -> None:
    classes = tuple(ClassName(str(k), str(k)) for k in range(3))
    classifier = Classifier(load_backbone("mobilenetv2_100", "google"), classes).eval()
    check_maps(classifier, check_against_torch(classifier, photos=2))


class Fickle(Backbone):
    """Answers otherwise where there are more than two photos."""

    def forward(self, images: torch.Tensor) -> Embedding:
        embedding = super().forward(images)
        return embedding if len(images) <= 2 else Embedding(embedding.map, embedding.features + 1)


def gone(_: Backbone) -> onnx.ModelProto:
    raise TypeError("export() got an unexpected keyword argument 'dynamo'")


def test_a_graph_that_was_recorded_wrongly_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))
    with pytest.raises(
        FlorascopeError, match="cannot export test_resnet|of test_resnet answers otherwise"
    ):
        backbone_graph(Fickle("test_resnet").eval())


def test_nor_one_that_the_newer_exporter_captured_wrongly(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))
    other, recorded = Backbone("test_resnet").eval(), onnx_graph._recorded
    torch.manual_seed(torch.initial_seed() + 1)  # making a network draws nothing from it

    monkeypatch.setattr(onnx_graph, "_recorded", gone)
    monkeypatch.setattr(onnx_graph, "_captured", lambda _: recorded(other))
    with pytest.raises(FlorascopeError, match="test_resnet answers otherwise than the network"):
        backbone_graph(Backbone("test_resnet").eval())


def test_without_the_older_exporter_the_newer_one_does_it(
    make_classifier: Callable[..., Classifier], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))
    monkeypatch.setattr(onnx_graph, "_recorded", gone)
    classifier = make_classifier("test_resnet", K=5)
    check_maps(classifier, check_against_torch(classifier, photos=3))


def test_the_graph_knows_nothing_of_this_machine(
    make_classifier: Callable[..., Classifier],
) -> None:
    content = classifier_graph(make_classifier("test_resnet")).SerializeToString()
    for trace in (str(Path.cwd()), str(Path.home()), str(Path(torch.__file__).parent)):
        assert len(trace) > 2
        assert trace.encode() not in content
    for mark in (b"site-packages", b".py", b"/tmp/", b"florascope", b"Traceback"):
        assert mark not in content


def test_an_export_serves_until_the_weights_change(
    make_backbone: Callable[..., Backbone], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    exports = []

    def export(backbone: object) -> onnx.ModelProto:
        exports.append(backbone)
        return onnx.helper.make_model(onnx.helper.make_graph([], f"{len(exports)}", [], []))

    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))
    monkeypatch.setattr(onnx_graph, "_export", export)
    one, two = make_backbone("test_resnet"), make_backbone("test_resnet", seed=1)
    first = backbone_graph(one)
    assert backbone_graph(make_backbone("test_resnet")) == first
    assert len(exports) == 1
    assert backbone_graph(two) != first
    assert len(exports) == 2
    two.preprocessing = type(two.preprocessing)(size=96)
    assert backbone_graph(two).stem.endswith("-96")
    assert len(exports) == 3
    assert sorted(p.name for p in (cache / "empty" / "graphs").iterdir()) == sorted(
        {first.name, backbone_graph(two).name, f"{two.digest()}-160.onnx"}
    )


def test_an_export_is_of_the_network_in_eval_mode_and_leaves_its_mode(
    make_backbone: Callable[..., Backbone], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    modes: list[bool] = []

    def trace(backbone: Backbone) -> onnx.ModelProto:
        modes.extend(module.training for module in backbone.modules())
        return onnx.ModelProto()

    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))
    monkeypatch.setattr(onnx_graph, "_traced", trace)
    backbone = make_backbone("test_resnet").train()
    backbone_graph(backbone)
    assert not any(modes)
    assert all(module.training for module in backbone.modules())


def test_a_network_that_cannot_be_exported(
    make_backbone: Callable[..., Backbone], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(cache / "empty"))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("\x1b[96mno decomposition\nfor this")

    monkeypatch.setattr(torch.onnx, "export", broken)
    with pytest.raises(FlorascopeError) as raised:
        backbone_graph(make_backbone("test_resnet"))
    assert raised.value.found == "PyTorch cannot export test_resnet to ONNX (RuntimeError)"
    assert raised.value.fix == "Choose another backbone, such as mobilenetv2_100"
    assert not list((cache / "empty").rglob("*.onnx*"))


def test_an_export_leaves_activations_in_place() -> None:
    backbone = load_backbone("test_resnet", "random")
    before = [module.inplace for module in backbone.modules() if hasattr(module, "inplace")]
    assert any(before)
    backbone_graph(backbone)
    after = [module.inplace for module in backbone.modules() if hasattr(module, "inplace")]
    assert after == before
