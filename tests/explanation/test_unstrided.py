"""The network without its last stride."""

import pytest
import torch

from florascope.data.dataset import ClassName
from florascope.explanation.unstrided import unstrided
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing


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
