"""A linear head by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from florascope.data.dataset import ClassName
from florascope.nets.classifier import (
    Classifier,
    LinearHead,
    Samples,
    centre_head,
    score,
    slope_of,
    soften_head,
)
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe


@pytest.fixture
def classifier(make_classifier: Callable[..., Classifier]) -> Classifier:
    return make_classifier("test_convnext", K=3)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(1))


def test_logits_are_the_head_of_the_features(classifier: Classifier, images: torch.Tensor) -> None:
    with torch.no_grad():
        answer = classifier.answer(images)
        f = classifier.backbone(images).features
    W, b = classifier.head.weight, classifier.head.bias
    by_hand = torch.stack([(W[k] * f).sum(1) + b[k] for k in range(3)], dim=1)
    assert torch.allclose(answer.logits, by_hand, atol=1e-5)
    assert torch.equal(answer.features, f)
    assert torch.equal(classifier(images), answer.logits)


def test_class_activation_maps_sum_to_the_logits(
    classifier: Classifier, images: torch.Tensor
) -> None:
    with torch.no_grad():
        logits, feature_map, _ = classifier.answer(images)
        maps = torch.einsum("kc,bchw->bkhw", classifier.head.weight, feature_map)
    places = feature_map.shape[2] * feature_map.shape[3]
    sums = maps.sum((2, 3)) / places + classifier.head.bias
    assert torch.allclose(sums, logits, atol=1e-5)


def test_set_head_copies(classifier: Classifier, images: torch.Tensor) -> None:
    weight, bias = torch.zeros(3, classifier.backbone.num_features), torch.tensor([1.0, 2.0, 3.0])
    classifier.set_head(weight, bias)
    weight += 1
    bias += 1
    with torch.no_grad():
        assert torch.equal(classifier(images), torch.tensor([[1.0, 2.0, 3.0]] * 2))
    assert classifier.head.weight.requires_grad


def test_classes_and_preprocessing_travel_along(classifier: Classifier) -> None:
    assert classifier.classes[2] == ClassName("3", "kind 3")
    assert classifier.head.out_features == len(classifier.classes) == 3
    assert classifier.preprocessing is classifier.backbone.preprocessing


MakeSamples = Callable[..., Samples]


def test_logits_by_hand() -> None:
    head = LinearHead(
        torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]]), torch.tensor([0, 1, 2.0])
    )
    logits = head.logits(np.array([[1, 1], [2, -1]], np.float32))
    assert logits.tolist() == [[3, 0, 5], [0, 2, 8]]
    assert head.history == []


def test_score_by_hand() -> None:
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5]]).log()
    loss, top1 = score(logits, torch.tensor([0, 1]))
    assert loss == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    assert top1 == 0.5


def test_samples_keep_their_parts() -> None:
    samples = Samples(torch.zeros(2, 3), torch.tensor([0, 4]), classes=5)
    assert samples.classes == 5
    assert samples.features.shape[0] == samples.targets.shape[0]


def test_a_tempered_head_has_the_least_smoothed_loss(make_samples: MakeSamples) -> None:
    val = make_samples(200)
    probe = fit_probe(make_samples(200, seed=1), val, Probe())
    head = LinearHead(50 * probe.weight, 50 * probe.bias)
    found = soften_head(head, val, 0.1)
    ratio = found.weight / head.weight
    assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio))
    assert torch.allclose(found.bias, ratio[0, 0] * head.bias)

    def loss(scale: float) -> float:
        logits = scale * (val.features @ found.weight.T + found.bias)
        return cross_entropy(logits, val.targets, label_smoothing=0.1).item()

    assert loss(1.0) <= min(loss(0.8), loss(1.25))


def test_a_centred_head_gives_the_same_softmax_and_shares_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    weight, bias = (torch.randn(*s, generator=generator) + 3 for s in ((4, 6), (4,)))
    features = torch.rand(5, 6, generator=generator)
    head = LinearHead(weight, bias, [{"step": 1.0}])
    found = centre_head(head)
    torch.testing.assert_close(found.weight.sum(0), torch.zeros(6), atol=1e-5, rtol=0)
    assert found.bias.sum() == pytest.approx(0, abs=1e-5)
    before, after = (torch.from_numpy(h.logits(features.numpy())) for h in (head, found))
    torch.testing.assert_close(after.softmax(1), before.softmax(1), rtol=1e-4, atol=1e-6)
    assert found.history == head.history


def test_a_slope_by_hand() -> None:
    # one photo f = (2,), logits (0, 0): p = (1/2, 1/2), class 1, so dz = (1/2, -1/2)
    found = slope_of(torch.tensor([[2.0]]), torch.tensor([1]), torch.zeros(2, 1), torch.zeros(2))
    assert found.loss == pytest.approx(math.log(2))
    assert found.weight.tolist() == [[1.0], [-1.0]]
    assert found.bias.tolist() == [0.5, -0.5]
    assert found.over(2).loss == pytest.approx(math.log(2) / 2)
    assert found.over(2).weight.tolist() == [[0.5], [-0.5]]
    assert found.over(2).bias.tolist() == [0.25, -0.25]


def test_a_slope_is_autograds_and_finite_far_from_the_answer() -> None:
    draw = torch.Generator().manual_seed(0)
    features, targets = torch.randn(30, 7, generator=draw), torch.arange(30) % 4
    weight = (100 * torch.randn(4, 7, generator=draw)).requires_grad_()
    bias = torch.randn(4, generator=draw).requires_grad_()
    truth = cross_entropy(features @ weight.T + bias, targets, reduction="sum")
    expected = torch.autograd.grad(truth, (weight, bias))
    found = slope_of(features, targets, weight.detach(), bias.detach())
    assert found.loss == pytest.approx(truth.item(), rel=1e-5)
    assert found.hits == ((features @ weight.T + bias).argmax(1) == targets).sum()
    for one, other in zip((found.weight, found.bias), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
