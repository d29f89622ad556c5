"""Sharp maps against the rule worked out by hand."""

import pytest
import timm
import torch
from torch.nn.functional import interpolate

from florascope.data.dataset import ClassName
from florascope.explanation.cam import class_maps
from florascope.explanation.contributions import contributions, last_block
from florascope.explanation.sharing import share_out
from florascope.explanation.sharp import Sharp
from florascope.explanation.unstrided import unstrided
from florascope.explanation.upsampling import spread
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


def network(name: str = "test_resnet") -> Classifier:
    torch.manual_seed(0)
    backbone = Backbone(name, Preprocessing(size=64))
    return Classifier(backbone, tuple(ClassName(str(k), str(k)) for k in range(4))).eval()


def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mobilenetv2_050", "blocks.6.0"),
        ("efficientnet_b0", "blocks.6.0"),
        ("resnet18", "layer4.1"),
        ("convnext_atto", "stages.3.blocks.1"),
        ("vit_tiny_patch16_224", "blocks.11"),
    ],
)
def test_the_last_block_of_each_family(name: str, path: str) -> None:
    with torch.device("meta"):
        net = timm.create_model(name, num_classes=0)
    assert last_block(net) is net.get_submodule(path)


def test_a_network_without_stages_has_no_last_block() -> None:
    assert last_block(torch.nn.Conv2d(3, 3, 1)) is None


def test_contributions_are_the_positive_part_of_gradient_times_activation() -> None:
    classifier, targets = network(), torch.tensor([1, 2])
    evidence, positive = contributions(classifier, images(), targets)
    net = classifier.backbone.net
    with torch.enable_grad():
        below = net.maxpool(net.act1(net.bn1(net.conv1(images()))))
        below = net.layer4[:-1](net.layer3(net.layer2(net.layer1(below)))).detach()
        below.requires_grad_()
        pooled = net.layer4[-1](below).mean((2, 3))
        logits = classifier.head(pooled)[torch.arange(2), targets]
        (slope,) = torch.autograd.grad(logits.sum(), below)
    product = (below * slope).detach()
    torch.testing.assert_close(positive, product.relu().sum(1), rtol=1e-3, atol=1e-6)
    maps = class_maps(classifier, images()).maps[torch.arange(2), targets]
    torch.testing.assert_close(evidence, maps, rtol=1e-4, atol=1e-7)


def test_each_place_shares_its_own_evidence() -> None:
    """The picture as it is and one larger look, worked out from their contributions."""
    classifier, targets = network(), torch.tensor([1, 2])
    found = Sharp(views=(1.9,))(classifier, images(), targets)
    own = contributions(classifier, images(), targets)
    larger = interpolate(images(), (128, 128), mode="bicubic", antialias=True)
    looks = own, contributions(unstrided(classifier, 32), larger, targets)
    assert [tuple(look.evidence.shape) for look in looks] == [(2, 2, 2), (2, 8, 8)]
    spoken = [spread(f.positive, (64, 64), f.positive.sum((1, 2))).relu() for f in looks]
    weights = ((spoken[0] + spoken[1]) / 2) ** 2
    shared = sum(share_out(f.evidence, weights) for f in looks) / 2
    rest = (own.evidence.sum((1, 2)) - looks[1].evidence.sum((1, 2))) / 2
    torch.testing.assert_close(
        found.values, shared + rest[:, None, None] / 64**2, rtol=1e-3, atol=1e-7
    )


def test_sum_plus_bias_is_the_logit() -> None:
    classifier, targets = network("mobilenetv2_050"), torch.tensor([0, 3])
    found = Sharp()(classifier, images(), targets)
    with torch.no_grad():
        logits = classifier(images())[torch.arange(2), targets]
    total = found.values.double().sum((1, 2)) + classifier.head.bias.detach()[targets]
    torch.testing.assert_close(total, logits.double(), rtol=1e-5, atol=1e-5)


def test_many_pictures_pass_in_small_batches() -> None:
    classifier, targets = network(), torch.tensor([0, 1])
    whole = Sharp(batch=2)(classifier, images(), targets).values
    parts = Sharp(batch=1)(classifier, images(), targets).values
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-7)


def test_an_even_picture_has_the_class_activation_map() -> None:
    """No block to go through, and no place that speaks more than another."""

    class Pixels(Backbone):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.name, self.num_features, self.pools_linearly = "pixels", 3, True
            self.preprocessing, self.model_args = Preprocessing(size=8), {}
            self.norm, self.net = None, torch.nn.AvgPool2d(2)
            self.net.forward_features = self.net.forward

    classifier = Classifier(Pixels(), (ClassName("0", "a"), ClassName("1", "b"))).eval()
    classifier.set_head(torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), torch.ones(2))
    pictures = torch.ones(1, 3, 8, 8)
    found = Sharp()(classifier, pictures, torch.tensor([0]))
    _, maps = class_maps(classifier, pictures)
    torch.testing.assert_close(found.values, spread(maps[:, 0], (8, 8), found.total))
