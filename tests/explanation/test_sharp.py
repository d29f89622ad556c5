"""Evidence shared out, against what is known of the sums."""

from typing import Literal

import pytest
import timm
import torch
from torch.nn.functional import interpolate

from florascope.data.dataset import ClassName
from florascope.explanation.cam import class_maps, spread
from florascope.explanation.guided import guided_filter
from florascope.explanation.sharp import (
    EDGE,
    FLOOR,
    Sharp,
    View,
    contributions,
    share_out,
    unstrided,
)
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import last_block
from florascope.preprocessing import Preprocessing


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("reach", [0, 9.5])
@pytest.mark.parametrize(("places", "pixels"), [((2, 3), (8, 12)), ((3, 3), (10, 7))])
def test_the_sum_stays_whatever_the_weights(
    places: tuple[int, int], pixels: tuple[int, int], reach: float
) -> None:
    maps = drawn(2, *places)
    shared = share_out(maps, drawn(2, *pixels).abs(), reach)
    torch.testing.assert_close(shared.sum((1, 2)), maps.sum((1, 2)))


def test_even_weights_give_the_bilinear_enlargement() -> None:
    maps = drawn(1, 4, 4)
    plain = interpolate(maps[:, None], (16, 16), mode="bilinear", align_corners=False)[:, 0]
    for weights in (torch.ones(1, 16, 16), torch.zeros(1, 16, 16)):
        inside = share_out(maps, weights.double())[:, 2:-2, 2:-2]  # border places reach further
        torch.testing.assert_close(inside, plain[:, 2:-2, 2:-2] / 16, atol=0.02, rtol=0.35)


def test_one_place_gives_all_to_the_pixel_that_made_it() -> None:
    weights = torch.zeros(1, 4, 4, dtype=torch.float64)
    weights[0, 1, 2] = 1.0
    shared = share_out(torch.full((1, 1, 1), -3.0, dtype=torch.float64), weights)
    assert shared[0, 1, 2] == pytest.approx(-3.0, rel=2e-3)
    assert shared.sum() == pytest.approx(-3.0)


def test_evidence_keeps_its_sign_and_stays_near_its_place() -> None:
    maps = torch.zeros(1, 4, 4, dtype=torch.float64)
    maps[0, 0, 0], maps[0, 3, 3] = 2.0, -1.0
    shared = share_out(maps, drawn(1, 32, 32).abs())
    assert (shared[0, :12, :12] >= 0).all()
    assert (shared[0, 20:, 20:] <= 0).all()
    assert shared[0, 12:20, 12:20].abs().max() == 0


def test_evidence_moves_as_far_as_it_reaches() -> None:
    """One place in the middle of a row, and all the weight beside it."""
    maps, weights = torch.zeros(1, 1, 9).double(), torch.zeros(1, 1, 72).double()
    maps[0, 0, 4] = 1.0
    for away, (near, far) in {10: (0.0, 1.0), 14: (0.0, 0.0)}.items():
        weights.zero_()[0, 0, 36 + away] = 1.0
        assert share_out(maps, weights)[0, 0, 36 + away] == pytest.approx(near, abs=1e-12)
        assert share_out(maps, weights, 12)[0, 0, 36 + away] == pytest.approx(far, abs=0.02)


def network(name: str, size: int = 64) -> Classifier:
    torch.manual_seed(0)
    backbone = Backbone(name, Preprocessing(size=size))
    return Classifier(backbone, (ClassName("0", "a"), ClassName("1", "b"))).eval()


@pytest.mark.parametrize("name", ["mobilenetv2_050", "resnet10t"])
def test_every_other_place_is_the_networks_own(name: str) -> None:
    classifier = network(name)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        coarse = classifier.answer(images).map
        fine = unstrided(classifier, 32).answer(images).map
    assert fine.shape[2:] == (4, 4)
    torch.testing.assert_close(fine[:, :, ::2, ::2], coarse, rtol=1e-4, atol=1e-5)


def test_weights_are_shared_and_followed() -> None:
    classifier = network("test_resnet")
    before = unstrided(classifier, 32)
    own = dict(classifier.backbone.net.named_parameters())
    assert all(p.data_ptr() == own[n].data_ptr() for n, p in before.backbone.net.named_parameters())
    assert before.head is classifier.head
    name, weight = next(iter(own.items()))
    weight.data = torch.zeros_like(weight)
    after = unstrided(classifier, 32)
    assert after.backbone.net.get_parameter(name).abs().sum() == 0
    assert after.backbone.net is before.backbone.net


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "densenet121"])
def test_networks_without_a_dilated_form_stay_as_they_are(name: str) -> None:
    classifier = network(name)
    assert unstrided(classifier, 32) is classifier


def test_strides_below_eight_are_not_taken_out() -> None:
    classifier = network("test_resnet")
    assert unstrided(classifier, 8) is classifier


def sharp_network(name: str = "test_resnet") -> Classifier:
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
    classifier, targets = sharp_network(), torch.tensor([1, 2])
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


@pytest.mark.parametrize(("finer", "places"), [(True, (2, 8, 8)), (False, (2, 4, 4))])
def test_each_place_shares_its_own_evidence(finer: bool, places: tuple[int, ...]) -> None:
    """The picture as it is and one larger look, worked out from their contributions."""
    classifier, targets = sharp_network(), torch.tensor([1, 2])
    found = Sharp(views=(View(1.9, finer),))(classifier, images(), targets)
    own = contributions(classifier, images(), targets)
    larger = interpolate(images(), (128, 128), mode="bicubic", antialias=True)
    network = unstrided(classifier, 32) if finer else classifier
    looks = own, contributions(network, larger, targets)
    assert [tuple(look.evidence.shape) for look in looks] == [(2, 2, 2), places]
    spoken = [spread(f.positive, (64, 64), f.positive.sum((1, 2))) for f in looks]
    colours = images() * torch.tensor(classifier.preprocessing.std)[:, None, None]
    within = guided_filter((spoken[0] + spoken[1]) / 2, colours, 24, EDGE, 4)
    weights = within.relu() ** 2
    shared = sum(share_out(f.evidence, weights, 32) for f in looks) / 2
    rest = (own.evidence.sum((1, 2)) - looks[1].evidence.sum((1, 2))) / 2
    level = weights / weights.mean((1, 2), keepdim=True) + FLOOR
    by_weight = rest[:, None, None] * level / level.sum((1, 2), keepdim=True)
    torch.testing.assert_close(found.values, shared + by_weight, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_edges_are_those_of_the_photo_whatever_its_scaling(order: Literal["rgb", "bgr"]) -> None:
    """The same network behind another scaling, which its first layer undoes, has the same maps."""
    classifier, targets = sharp_network(), torch.tensor([1, 2])
    scaled = sharp_network()
    std = (0.5, 0.25, 0.125)
    scaled.backbone.preprocessing = Preprocessing(size=64, std=std, channel_order=order)
    factor = torch.tensor(classifier.preprocessing.std) / torch.tensor(
        std if order == "rgb" else std[::-1]
    )
    with torch.no_grad():
        next(scaled.backbone.net.parameters()).div_(factor[:, None, None])
    truth = Sharp()(classifier, images(), targets).values
    found = Sharp()(scaled, images() * factor[:, None, None], targets).values
    torch.testing.assert_close(found, truth, rtol=0, atol=1e-3 * truth.abs().max().item())


def test_sum_plus_bias_is_the_logit() -> None:
    classifier, targets = sharp_network("mobilenetv2_050"), torch.tensor([0, 3])
    found = Sharp()(classifier, images(), targets)
    with torch.no_grad():
        logits = classifier(images())[torch.arange(2), targets]
    total = found.values.double().sum((1, 2)) + classifier.head.bias.detach()[targets]
    torch.testing.assert_close(total, logits.double(), rtol=1e-5, atol=1e-5)


def test_many_pictures_pass_in_small_batches() -> None:
    classifier, targets = sharp_network(), torch.tensor([0, 1])
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
