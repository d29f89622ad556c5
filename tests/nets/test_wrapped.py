"""Any PyTorch classifier, brought into the form that is explained: by its own numbers."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision.models as zoo
from tests.support.networks import stir
from torch import Tensor, nn
from torchvision.transforms import Grayscale
from torchvision.transforms.functional import rgb_to_grayscale

from florascope.errors import BundleError, ExplanationError
from florascope.explanation.attribution import fitting_methods
from florascope.explanation.explanation import contrast, explain, explainer
from florascope.nets.classifier import Classifier
from florascope.nets.onnx_graph import backbone_graph
from florascope.nets.saving import save_bundle
from florascope.nets.wrapped import WrappedNetwork, preprocessing_of, wrap
from florascope.preprocessing import Preprocessing

SIZE = 64
PLAIN = Preprocessing(size=SIZE)
LINEAR = ("sharp", "cam", "gradcam", "layercam", "ig")
FITS = {"map": ("gradcam", "layercam", "ig"), "token": ("direct", "legrad", "ig"), "none": ("ig",)}


class Functional(nn.Module):
    """No modules after the convolution: pooling and all by functions, answers in a record."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=8)
        self.head = nn.Conv2d(6, 5, 1)

    def forward(self, images: Tensor) -> Any:
        features = torch.relu(self.conv(images)).mean((2, 3), keepdim=True)
        return SimpleNamespace(logits=self.head(features)[:, :, 0, 0])


def body() -> list[nn.Module]:
    return [nn.Conv2d(3, 6, 3, stride=8), nn.ReLU(inplace=True)]


def pooled(*after: nn.Module) -> nn.Module:
    return nn.Sequential(*body(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *after)


NETWORKS: dict[str, tuple[Any, str]] = {
    "resnet18": (lambda: zoo.resnet18(weights=None, num_classes=5), "mean"),
    "mobilenet_v2": (lambda: zoo.mobilenet_v2(weights=None, num_classes=5), "mean"),
    "squeezenet": (lambda: zoo.squeezenet1_1(weights=None, num_classes=5), "mean"),
    "shufflenet": (lambda: zoo.shufflenet_v2_x0_5(weights=None, num_classes=5), "mean"),
    "mobilenet_v3": (lambda: zoo.mobilenet_v3_small(weights=None, num_classes=5), "map"),
    "timm convnext": (lambda: timm.create_model("test_convnext", num_classes=5), "mean"),
    "timm vit": (lambda: timm.create_model("test_vit", num_classes=5, img_size=SIZE), "token"),
    "pooled vit": (
        lambda: timm.create_model(
            "test_vit", num_classes=5, img_size=SIZE, global_pool="avg", class_token=False
        ),
        "mean",
    ),
    "plain": (lambda: pooled(nn.Linear(6, 5)), "mean"),
    "probabilities": (lambda: pooled(nn.Linear(6, 5), nn.Softmax(1)), "mean"),
    "two layers": (lambda: pooled(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 5)), "map"),
    "flattened": (
        lambda: nn.Sequential(*body(), nn.Flatten(), nn.Linear(6 * 8 * 8, 5)),
        "places",
    ),
    "functions": (Functional, "mean"),
    "no map": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 5)), "none"),
}


def network(name: str) -> nn.Module:
    """Make a network of 5 classes whose norms and biases are not at rest."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: nn.Module = NETWORKS[name][0]().eval()
        stir(net)
    return net


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module", params=list(NETWORKS))
def named(request: pytest.FixtureRequest) -> tuple[str, nn.Module, Classifier]:
    net = network(request.param)
    return request.param, net, wrap(net, preprocessing=PLAIN)


Named = tuple[str, nn.Module, Classifier]
SPLIT = [name for name, (_, kind) in NETWORKS.items() if kind in {"mean", "places"}]


def test_the_kind_of_head_is_found(named: Named) -> None:
    name, _, classifier = named
    kind = NETWORKS[name][1]
    assert isinstance(classifier.backbone, WrappedNetwork)
    assert classifier.backbone.reading.kind == kind
    fits = fitting_methods(classifier.backbone)
    assert fits == (*FITS.get(kind, LINEAR), "occlusion")
    assert bool(classifier.backbone.obstacle) == (kind not in {"mean", "places"})


def test_logits_are_the_networks_own(named: Named) -> None:
    name, net, classifier = named
    net = net[:-1] if name == "probabilities" and isinstance(net, nn.Sequential) else net
    with torch.no_grad():
        truth, found = net(images()), classifier(images())
    torch.testing.assert_close(found, getattr(truth, "logits", truth), rtol=1e-4, atol=1e-5)


def test_maps_plus_bias_are_the_networks_logits(named: Named) -> None:
    """For every method that promises a sum, whoever made the network."""
    _, _, classifier = named
    targets = torch.tensor([1, 3])
    with torch.no_grad():
        truth = classifier(images()).gather(1, targets[:, None])[:, 0]
    for method in {"sharp", "cam"} & set(fitting_methods(classifier.backbone)):
        found = explainer(method)(classifier, images(), targets)
        sums = found.values.double().sum((1, 2)) + classifier.head.bias[targets]
        torch.testing.assert_close(sums, truth.double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SPLIT)
def test_cam_is_gradcam_where_the_head_is_linear(name: str) -> None:
    classifier = wrap(network(name), preprocessing=PLAIN)
    targets = torch.tensor([0, 2])
    cam, grad = (explainer(m)(classifier, images(), targets).values for m in ("cam", "gradcam"))
    torch.testing.assert_close(cam, grad, rtol=1e-3, atol=1e-6)


def test_methods_that_do_not_exist_advise_those_that_do(named: Named) -> None:
    _, _, classifier = named
    fits = fitting_methods(classifier.backbone)
    for method in {*LINEAR, "direct", "legrad"} - set(fits):
        with pytest.raises(
            ExplanationError, match="Use " + " or ".join(f"`method='{name}'`" for name in fits)
        ):
            explainer(method)(classifier, images(1), torch.tensor([0]))


@pytest.mark.parametrize("name", SPLIT)
def test_a_contrast_is_the_difference_of_the_logits(name: str) -> None:
    classifier = wrap(network(name), preprocessing=PLAIN)
    ours, other = torch.tensor([1, 3]), torch.tensor([2, 2])
    found = contrast(explainer("cam"), classifier, images(), ours, other)
    with torch.no_grad():
        logits = classifier(images()) - classifier.head.bias
    expected = logits[[0, 1], ours] - logits[[0, 1], other]
    torch.testing.assert_close(found.values.sum((1, 2)), expected, rtol=1e-3, atol=1e-4)


def test_the_model_is_left_as_it_was() -> None:
    net = network("resnet18").train()
    net.layer4.eval()  # type: ignore[union-attr]
    modes = [module.training for module in net.modules()]
    classifier = wrap(net, preprocessing=PLAIN)
    assert not classifier.training
    explainer("sharp")(classifier, images(), torch.tensor([0, 1]))
    assert [module.training for module in net.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_half_precision_and_compiled_networks_are_explained() -> None:
    net = network("resnet18")
    cam = explainer("cam")
    whole = cam(wrap(net, preprocessing=PLAIN), images(), torch.tensor([0, 1]))
    compiled: Any = torch.compile(net)
    again = cam(wrap(compiled, preprocessing=PLAIN), images(), torch.tensor([0, 1]))
    assert torch.equal(again.values, whole.values)
    half = cam(wrap(net.bfloat16(), preprocessing=PLAIN), images(), torch.tensor([0, 1]))
    assert half.gap.max() < 1e-5
    assert torch.corrcoef(torch.stack([half.values.flatten(), whole.values.flatten()]))[0, 1] > 0.99


def test_a_wrapped_network_is_exported(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path))
    classifier = wrap(network("plain"), preprocessing=PLAIN)
    session = onnxruntime.InferenceSession(str(backbone_graph(classifier.backbone)))
    found = session.run(["map", "features"], {"image": images().numpy()})
    with torch.no_grad():
        answer = classifier.answer(images())
    np.testing.assert_allclose(found[0], answer.map.numpy(), atol=1e-5)
    np.testing.assert_allclose(found[1], answer.features.numpy(), atol=1e-5)


def test_a_wrapped_network_is_no_bundle(tmp_path: Any) -> None:
    with pytest.raises(BundleError, match="Functional is no network of timm's"):
        save_bundle(wrap(Functional(), preprocessing=PLAIN), tmp_path / "bundle", {})


def test_names_and_preprocessing_come_from_the_model() -> None:
    net: Any = Functional()
    net.config = SimpleNamespace(image_size=SIZE, id2label={k: f"kind {k}" for k in range(5)})
    classifier = wrap(net)
    assert [c.name for c in classifier.classes] == [f"kind {k}" for k in range(5)]
    assert classifier.preprocessing.size == SIZE
    assert preprocessing_of(timm.create_model("test_vit")).size == 160
    assert preprocessing_of(nn.Identity()) == Preprocessing()
    assert wrap(classifier) is classifier


def test_photos_are_prepared_as_a_hugging_face_folder_says(tmp_path: Path) -> None:
    net: Any = Functional()
    net.config = SimpleNamespace(image_size=SIZE, model_type="vit", _name_or_path=str(tmp_path))
    with pytest.warns(UserWarning, match="Functional does not say how its photos are normalised"):
        assert preprocessing_of(net).mean == Preprocessing().mean
    values = {"size": SIZE, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values))
    said = preprocessing_of(net)
    assert (said.size, said.mean, said.std) == (SIZE, (0.5,) * 3, (0.5,) * 3)


def test_explain_takes_any_network() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    found = explain(network("plain"), pixels, target=3)
    assert (found.method, found.target.name) == ("sharp", "3")
    assert found.values.shape == (224, 224)
    assert found.gap is not None
    assert found.gap < 1e-5


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Conv2d(3, 4, 3), "Conv2d gives shape"),
        (nn.Linear(7, 2), "Linear cannot look at pictures of 64 x 64 pixels"),
        (nn.Unflatten(1, (3, 1)), "expected scores"),
    ],
)
def test_what_is_no_classifier_is_refused(net: nn.Module, message: str) -> None:
    with pytest.raises(ExplanationError, match=message):
        wrap(net, preprocessing=PLAIN)


def test_a_network_of_grey_pictures_takes_photos_as_its_refusal_says() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ExplanationError, match=r"grey pictures: .*transforms\.Grayscale\(\), net"):
        wrap(net, preprocessing=PLAIN)
    classifier = wrap(nn.Sequential(Grayscale(), net), preprocessing=PLAIN)
    shown = images(2)
    grey = rgb_to_grayscale(shown)
    torch.testing.assert_close(classifier(shown), net(grey))
    assert classifier.backbone.pools_linearly


@pytest.mark.parametrize("size", [28, 32, 96])
def test_a_flattened_network_is_told_the_size_that_its_weights_are_for(size: int) -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3), nn.MaxPool2d(2))
    flat = body(torch.zeros(1, 3, size, size)).numel()
    net = nn.Sequential(body, nn.Flatten(), nn.Linear(flat, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(ExplanationError, match=rf"Preprocessing\(size={size}\)\)\.$"):
        wrap(net, preprocessing=PLAIN)
    assert wrap(net, preprocessing=replace(PLAIN, size=size)).backbone.preprocessing.size == size
    assert not any(layer._forward_pre_hooks for layer in net.modules())


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_050"])
def test_features_are_no_classes(name: str) -> None:
    headless = timm.create_model(name, num_classes=0)
    message = r"gives features and no classes.*Sequential\(net, head\)"
    with pytest.raises(ExplanationError, match=message):
        wrap(headless, preprocessing=PLAIN)
    head = nn.Linear(headless.num_features, 3)
    assert len(wrap(nn.Sequential(headless, head), preprocessing=PLAIN).classes) == 3
    named = timm.create_model(name, num_classes=2)
    setattr(named, named.pretrained_cfg["classifier"], nn.Identity())
    with pytest.raises(ExplanationError, match=message):
        wrap(named, preprocessing=PLAIN)


def test_a_network_of_more_channels_is_told_what_it_lacks() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ExplanationError, match=r"4 channels: hand over .*Sequential\(layer, net\)"):
        wrap(net, preprocessing=PLAIN)


def test_names_that_do_not_fit() -> None:
    with pytest.raises(ExplanationError, match="2 names for 5 classes"):
        wrap(Functional(), classes=["a", "b"], preprocessing=PLAIN)


def test_another_path_is_noticed() -> None:
    class Fickle(Functional):
        def forward(self, images: Tensor) -> Tensor:
            logits = super().forward(images).logits
            return logits if len(images) < 3 else torch.relu(logits)

    classifier = wrap(Fickle(), preprocessing=PLAIN)
    with pytest.raises(ExplanationError, match="took another path"):
        classifier(images(3))


def test_layers_below_may_hold_a_token_that_the_map_does_not() -> None:
    """Average-pooled, with a class token: 4 x 4 places of 17 tokens in every block."""
    torch.manual_seed(0)
    net = timm.create_model("test_vit", img_size=SIZE, global_pool="avg", num_classes=5).eval()
    classifier = wrap(net, preprocessing=PLAIN)
    assert classifier.backbone.as_map(torch.zeros(2, 17, 3)).shape == (2, 3, 4, 4)
    found = explainer("sharp")(classifier, images(), torch.tensor([1, 3]))
    assert found.gap.max() < 1e-3
