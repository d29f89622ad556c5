"""A linear head by hand."""

from collections.abc import Callable

import pytest
import torch

from florascope.data.dataset import ClassName
from florascope.nets.classifier import Classifier


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
