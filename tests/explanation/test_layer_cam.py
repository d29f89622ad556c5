"""LayerCAM: by hand, as a peer's, and refused where there is nothing to look at."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from florascope.errors import ExplanationError
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.explanation import explain, layers_method
from florascope.explanation.layer_cam import LayerCAM, join, weigh_positively
from florascope.nets.classifier import Classifier
from florascope.nets.wrapped import wrap

SIZE = 64
TARGETS = torch.tensor([0, 2, 1])
TWO = ("layer2", "layer4")
EXPECTED = {"layer2": 8, "layer4": 2}  # places a side of test_resnet's maps at 64 pixels

MakeClassifier = Callable[..., Classifier]


def inputs() -> Tensor:
    return torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def test_weights_by_hand() -> None:
    activations = torch.tensor([[[[2.0, 3.0]], [[5.0, 1.0]]]])  # two channels, two places
    slopes = torch.tensor([[[[1.0, -1.0]], [[-2.0, 0.5]]]])
    assert weigh_positively(activations, slopes).tolist() == [[[2.0, 0.5]]]
    assert weigh_positively(-activations, slopes).tolist() == [[[0.0, 0.0]]]  # nothing for it


def test_maps_are_joined_by_hand() -> None:
    one, other = torch.tensor([[[4.0, 0.0]]]), torch.tensor([[[0.0, 0.1]]])
    top = torch.tanh(torch.tensor(2.0)).item()
    assert join([one, other], (1, 2)).flatten().tolist() == pytest.approx([top, top])
    assert join([one, torch.zeros(1, 1, 1)], (1, 2)).flatten().tolist() == pytest.approx([top, 0])


def test_the_last_map_is_the_class_activation_map_where_weights_are_positive(
    make_classifier: MakeClassifier,
) -> None:
    """The slope of a pooled linear head is its weight, the same everywhere."""
    classifier = make_classifier("test_resnet", K=4)
    with torch.no_grad():
        classifier.head.weight.abs_()
    ours = LayerCAM()(classifier, inputs(), TARGETS).values
    cam = ClassActivationMap()(classifier, inputs(), TARGETS).values
    assert (classifier.answer(inputs()).map >= 0).all()
    torch.testing.assert_close(ours, cam, rtol=1e-3, atol=1e-6)


def test_as_torchcam_has_it(make_classifier: MakeClassifier) -> None:
    torchcam = pytest.importorskip("torchcam.methods")
    classifier = make_classifier("test_resnet", K=4)
    net = classifier.backbone.net
    for row in range(3):
        image, target = inputs()[row : row + 1], int(TARGETS[row])
        with torchcam.LayerCAM(classifier, [getattr(net, name) for name in TWO]) as peer:
            maps = peer(target, classifier(image.requires_grad_()), normalized=False)
        fused = peer.fuse_cams([m / m.amax() for m in maps], (SIZE, SIZE))
        ours = LayerCAM(TWO)(classifier, image, TARGETS[row : row + 1]).values
        torch.testing.assert_close(ours, fused.reshape_as(ours), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "swin_tiny_patch4_window7_224"])
def test_layers_of_every_layout(make_classifier: MakeClassifier, name: str) -> None:
    """Tokens, channels first, channels last; a token that is read has slopes further below."""
    arguments = {"img_size": 64, "window_size": 2} if "swin" in name else {}
    if "vit" in name:
        arguments = {"img_size": 64}
    classifier = make_classifier(name, K=4, **arguments)
    layer = {"test_vit": "blocks.2", "test_convnext": "stages.1"}.get(name, "layers.1")
    found = LayerCAM((layer,))(classifier, inputs(), TARGETS)
    assert found.values.shape == (3, SIZE, SIZE)
    assert found.values.amax((1, 2)).min() > 0
    assert hooks(classifier) == 0


def test_layers_of_a_wrapped_network_by_the_public_call() -> None:
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(inplace=True)),
        nn.Sequential(nn.Conv2d(4, 8, 3, 2), nn.ReLU(inplace=True)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    ).eval()
    photo = torch.randint(0, 256, (80, 80, 3)).byte().numpy()
    found = explain(wrap(model), photo, layers=("0", "1"))
    assert found.method == "layercam"
    assert 0 < found.values.max() < 1
    before, after = (explain(wrap(model), photo, layers=(name,)) for name in ("0.0", "0"))
    assert (before.values == after.values).all()  # the ReLU works in place
    with pytest.raises(ExplanationError, match=r"3 gives a tensor of shape \(1, 8\).*such as 0.0"):
        explain(wrap(model), photo, layers=("3",))
    assert hooks(model) == 0


CASES = [
    (("layer9",), "test_resnet", r"test_resnet has no layer 'layer9'.*layer3.0"),
    (("global_pool",), "test_resnet", "puts out no tensor on the way.*layer3.0"),
    (
        (),
        "test_vit",
        "not answer from its feature map.*method='direct'.*method='ig'.*or name layers.*blocks",
    ),
]


@pytest.mark.parametrize(("layers", "name", "message"), CASES)
def test_what_cannot_be_looked_at(
    make_classifier: MakeClassifier, layers: tuple[str, ...], name: str, message: str
) -> None:
    arguments = {"img_size": 64} if "vit" in name else {}
    classifier = make_classifier(name, **arguments)
    with pytest.raises(ExplanationError, match=message):
        LayerCAM(layers)(classifier, inputs(), TARGETS)
    assert hooks(classifier) == 0


def test_layers_are_for_layercam() -> None:
    assert layers_method((), "cam") == "cam"
    assert layers_method(["a"], None) == layers_method(["a"], "layercam") == LayerCAM(("a",))
    with pytest.raises(ExplanationError, match="layers are named for the method cam"):
        layers_method(["a"], "cam")
