"""Every explainer against answers known another way."""

from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.errors import ExplanationError
from florascope.explanation.cam import ClassActivationMap, GradCAM, class_maps, spread
from florascope.explanation.explanation import (
    Question,
    default_method,
    explain,
    explain_crops,
    explainer,
    find_class,
)
from florascope.explanation.integrated_gradients import (
    BASELINES,
    Baseline,
    IntegratedGradients,
    starts,
)
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Embedding
from florascope.nets.wrapped import wrap
from florascope.preprocessing import Preprocessing

POOLED = ["mobilenetv2_050", "resnet18", "convnext_atto", "efficientnet_b0"]
PLAIN = Preprocessing(size=8, mean=(0, 0, 0), std=(1, 1, 1))


def names(count: int) -> tuple[ClassName, ...]:
    return tuple(ClassName(str(k), f"class {k}") for k in range(count))


def network(name: str, **model_args: str) -> Classifier:
    torch.manual_seed(0)
    classifier = Classifier(Backbone(name, model_args=model_args), names(4)).eval()
    nn.init.normal_(classifier.head.bias)
    return classifier


class Pixels(Backbone):
    """A backbone whose feature map is the input itself."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.name, self.num_features, self.pools_linearly = "pixels", 3, True
        self.preprocessing = PLAIN

    def forward(self, images: Tensor) -> Embedding:
        return Embedding(images, images.mean((2, 3)))


def linear() -> Classifier:
    classifier = Classifier(Pixels(), names(2))
    classifier.set_head(
        torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]]), torch.tensor([0.5, -2.0])
    )
    return classifier.eval()


def inputs(count: int = 2, size: int = 224) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", POOLED)
def test_maps_plus_bias_are_the_logits(name: str) -> None:
    classifier = network(name)
    logits, maps = class_maps(classifier, inputs())
    with torch.no_grad():
        torch.testing.assert_close(logits, classifier(inputs()))
    total = maps.double().sum((2, 3)) + classifier.head.bias.detach().double()
    torch.testing.assert_close(total, logits.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [*POOLED, "vit"])
def test_cam_equals_autograd_gradcam(name: str) -> None:
    vit = name == "vit"
    classifier = network("vit_tiny_patch16_224", global_pool="avg") if vit else network(name)
    targets = torch.tensor([1, 3])
    cam = ClassActivationMap()(classifier, inputs(), targets)
    grad = GradCAM()(classifier, inputs(), targets)
    torch.testing.assert_close(cam.values, grad.values, rtol=1e-3, atol=1e-7)


def test_cam_by_hand() -> None:
    image = torch.zeros(1, 3, 8, 8)
    image[0, :, 2, 3] = torch.tensor([1.0, 10.0, 100.0])
    _, maps = class_maps(linear(), image)
    assert maps[0, 0, 2, 3].item() == pytest.approx((1 + 20 + 300) / 64)
    assert maps[0, 1, 2, 3].item() == pytest.approx((-10 + 50) / 64)
    assert maps.abs().sum() == pytest.approx((321 + 40) / 64)


def test_ig_of_a_linear_network_is_weight_times_input() -> None:
    image = inputs(1, 8)
    found = IntegratedGradients()(linear(), image, torch.tensor([0]))
    weights = torch.tensor([1.0, 2.0, 3.0])[:, None, None] / 64
    torch.testing.assert_close(found.values[0], (weights * image[0]).sum(0))
    assert found.gap.item() < 1e-5


class Toy(Backbone):
    """f(x1, x2) = relu(x1 - 1 - relu(x2)), whose IG at (3, 1) is (1.5, -0.5) (Captum's toy)."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.name, self.num_features, self.pools_linearly = "toy", 1, False
        self.preprocessing = PLAIN

    def forward(self, images: Tensor) -> Embedding:
        x1, x2 = images[:, 0, 0, 0], images[:, 0, 0, 1]
        value = torch.relu(x1 - 1 - torch.relu(x2))[:, None]
        return Embedding(value[:, :, None, None], value)


def test_ig_of_the_published_toy() -> None:
    classifier = Classifier(Toy(), names(2)).eval()
    classifier.set_head(torch.tensor([[1.0], [0.0]]), torch.zeros(2))
    image = torch.zeros(1, 3, 8, 8)
    image[0, 0, 0, :2] = torch.tensor([3.0, 1.0])
    found = IntegratedGradients(tolerance=1e-3, max_nodes=64)(classifier, image, torch.tensor([0]))
    assert found.values[0, 0, 0].item() == pytest.approx(1.5, abs=5e-3)
    assert found.values[0, 0, 1].item() == pytest.approx(-0.5, abs=5e-3)


def test_ig_equals_captum_with_the_same_nodes() -> None:
    from captum.attr import IntegratedGradients as Peer

    classifier = network("mobilenetv2_050")
    image, start = inputs(1), torch.zeros(1, 3, 224, 224)
    ours = IntegratedGradients("mean", nodes=12)
    found = ours(classifier, image, torch.tensor([2])).values
    peer = Peer(classifier).attribute(
        image, start, target=2, n_steps=12, method="gausslegendre", internal_batch_size=4
    )
    expected = peer.sum(1).float()
    assert ((found - expected).norm() / expected.norm()).item() < 1e-4


def test_ig_adds_nodes_until_the_gap_is_small() -> None:
    classifier = network("test_resnet")
    start = IntegratedGradients(max_nodes=5)(classifier, inputs(1, 64), torch.tensor([0]))
    fine = IntegratedGradients(tolerance=1e-3)(classifier, inputs(1, 64), torch.tensor([0]))
    assert start.gap.item() > 1e-3 >= fine.gap.item()


@pytest.mark.parametrize("baseline", BASELINES)
def test_ig_of_a_linear_network_from_any_baseline(baseline: Baseline) -> None:
    image = inputs(1, 8)
    found = IntegratedGradients(baseline)(linear(), image, torch.tensor([0]))
    begin = torch.cat(starts(baseline, image, PLAIN)).mean(0)
    weights = torch.tensor([1.0, 2.0, 3.0])[:, None, None] / 64
    torch.testing.assert_close(
        found.values[0], (weights * (image[0] - begin)).sum(0), rtol=1e-4, atol=1e-6
    )
    assert found.gap.item() < 1e-4


def test_baselines_by_hand() -> None:
    image = torch.full((1, 3, 8, 8), 0.25)
    (black,) = starts("black", image, Preprocessing(size=8, mean=(0.5,) * 3, std=(0.25,) * 3))
    assert black.unique().tolist() == [-2.0]
    (mean,) = starts("mean", image, PLAIN)
    assert mean.abs().sum() == 0
    (blurred,) = starts("blurred", image, PLAIN)
    torch.testing.assert_close(blurred, image)
    noise = torch.cat(starts("noise", image, PLAIN))
    assert noise.shape == (4, 3, 8, 8)
    assert 0.4 < noise.mean() < 0.6


def test_unknown_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as for a user
    with pytest.raises(ExplanationError, match="no baseline 'grey'"):
        starts("grey", inputs(1, 8), PLAIN)  # type: ignore[arg-type]


def test_cam_refuses_other_heads_and_names_gradcam() -> None:
    classifier = network("mobilenetv3_small_050")
    with pytest.raises(ExplanationError, match="Use `method='gradcam'`"):
        ClassActivationMap()(classifier, inputs(1), torch.tensor([0]))
    assert GradCAM()(classifier, inputs(1), torch.tensor([0])).values.abs().sum() > 0


def test_gradcam_refuses_networks_that_answer_from_a_token() -> None:
    with pytest.raises(ExplanationError, match="does not answer from its spatial map"):
        GradCAM()(network("vit_tiny_patch16_224"), inputs(1), torch.tensor([0]))


def test_the_default_method_fits_the_head() -> None:
    assert default_method(network("test_resnet")) == "sharp"
    assert default_method(network("mobilenetv3_small_050")) == "gradcam"


@pytest.mark.parametrize(
    ("method", "pooled"),
    [
        *((how, True) for how in ("sharp", "cam", "gradcam", "layercam", "ig", "occlusion")),
        *((how, False) for how in ("gradcam", "layercam", "ig", "occlusion")),
    ],
)
def test_a_network_is_explained_alike_under_another_default_dtype(
    method: str, pooled: bool
) -> None:
    torch.manual_seed(3)
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
    tail = tail if pooled else [nn.Conv2d(6, 3, 1), nn.Softplus(), nn.AdaptiveAvgPool2d(1), tail[1]]
    net = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), nn.ReLU(), *tail).eval()
    photo = np.random.default_rng(2).integers(0, 256, (32, 32, 3), dtype=np.uint8)

    def values() -> np.ndarray:
        return explain(wrap(net, None, Preprocessing(size=32)), photo, method).values

    expected = values()
    torch.set_default_dtype(torch.float64)
    try:
        np.testing.assert_array_equal(values(), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_unknown_method() -> None:
    with pytest.raises(ExplanationError, match="no method 'guess'"):
        explainer("guess")


@pytest.mark.parametrize("size", [(224, 224), (100, 90)])
def test_spreading_keeps_the_sum(size: tuple[int, int]) -> None:
    maps = inputs(2, 7)[:, 0]
    fine = spread(maps, size, maps.sum((1, 2)))
    torch.testing.assert_close(
        fine.double().sum((1, 2)), maps.double().sum((1, 2)), atol=1e-4, rtol=0
    )


def test_explain_chooses_the_answer_and_crops_as_the_network_does() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    found = explain(linear(), rgb, ClassActivationMap())
    np.testing.assert_array_equal(found.crop, PLAIN.crop(rgb))
    means = found.crop.mean((0, 1)) / 255
    assert found.logit == pytest.approx(float(means @ [1, 2, 3]) + 0.5, rel=1e-5)
    assert found.target.id == "0"
    assert found.gap is not None
    assert found.gap < 1e-5


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a", "PNG")])
def test_saved_as_the_ending_says(name: str, kind: str, tmp_path: Path) -> None:
    explain(linear(), np.zeros((9, 9, 3), np.uint8), "cam").save(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == kind


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.unknown", r"no picture's name\. expected .*\.png.*a\.png"),
        ("a.mp4", "no picture's name"),
        (".", r"is a folder\. expected a file's name\. save\(.*why\.png"),
    ],
)
def test_saved_as_what_is_no_picture(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExplanationError, match=message):
        explain(linear(), np.zeros((9, 9, 3), np.uint8), "cam").save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_nearest_rival_is_the_likeliest_other_class_of_each_photo() -> None:
    classifier = Classifier(Pixels(), names(3)).eval()
    classifier.set_head(torch.eye(3), torch.zeros(3))
    shades = np.array([[250, 200, 9], [9, 200, 250], [9, 250, 200]], np.uint8)
    crops = np.ones((3, 8, 8, 3), np.uint8) * shades[:, None, None]
    question = Question.of(classifier, "cam", against="nearest")
    found = explain_crops(classifier, crops, question)
    assert [one.target.id for one in found] == ["0", "2", "1"]
    for one, rival in zip(found, ["1", "1", "2"], strict=True):
        by_name = explain(classifier, one.crop, "cam", one.target.id, rival)
        assert one.against == by_name.against
        np.testing.assert_array_equal(one.values, by_name.values)
        assert one.logit == by_name.logit == pytest.approx(one.values.sum(), rel=1e-4)
    (asked,) = explain_crops(classifier, crops[:1], Question.of(classifier, "cam", "2", "nearest"))
    assert asked.against == names(3)[0]  # what it answers, then


def test_a_class_may_be_called_nearest() -> None:
    classifier = linear()
    classifier.classes = (ClassName("0", "rose"), ClassName("1", "Nearest"))
    assert Question.of(classifier, "cam", against="nearest").rival == 1


def test_find_class_prefers_ids() -> None:
    classifier = linear()
    assert find_class(classifier, "1") == 1
    assert find_class(classifier, "CLASS 0") == 0
    with pytest.raises(ExplanationError, match="no class 'rose'"):
        find_class(classifier, "rose")
