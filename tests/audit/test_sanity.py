"""The cascade must reach every weight, leave the original alone, and unmask a map of the photo."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from florascope.audit.sanity import Similarity, cascade, sanity, shuffle, stages
from florascope.audit.specimens import Specimens, maps_of
from florascope.data.dataset import ClassName
from florascope.explanation.attribution import Attribution, Explainer
from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing
from florascope.model.weights import load_backbone

CLASSES = tuple(ClassName(str(k), str(k)) for k in range(5))


@dataclass(frozen=True)
class Cam:
    """Class activation map, enlarged to the photo."""

    name: str = "cam"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        with torch.no_grad():
            answer = classifier.answer(images)
            small = torch.einsum("bc,bchw->bhw", classifier.head.weight[targets], answer.map)
            size = images.shape[2:]
            values = nn.functional.interpolate(small[:, None], size, mode="bilinear")[:, 0]
        return Attribution(self.name, values, torch.zeros(len(images)), complete=False)


@dataclass(frozen=True)
class Edges:
    """Contrast of the photo: looks convincing, knows nothing of the network."""

    name: str = "edges"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        values = (images - images.roll(1, 3)).abs().sum(1)
        return Attribution(self.name, values, torch.zeros(len(images)), complete=False)


def make(name: str, size: int = 64, seed: int = 0) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = Backbone(name, Preprocessing(size=size))
        classifier = Classifier(backbone, CLASSES).eval()
        nn.init.normal_(classifier.head.weight)
    return classifier


def followed(
    classifier: Classifier, explainer: Explainer, specimens: Specimens, most: int, seed: int = 0
) -> list[Similarity]:
    trained = maps_of(classifier, explainer, specimens)
    return sanity(classifier, explainer, specimens, trained, most, seed)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return make("mobilenetv2_035")


@pytest.fixture(scope="module")
def specimens() -> Specimens:
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(8, 3, 8, 8, generator=generator)
    images = nn.functional.interpolate(small, (64, 64), mode="bilinear")
    return Specimens(images, torch.arange(8) % 5)


@pytest.mark.parametrize("name", ["mobilenetv2_035", "resnet10t", "test_vit", "test_convnext"])
@pytest.mark.parametrize("most", [2, 4, 100])
def test_stages_hold_every_weight_once(name: str, most: int) -> None:
    classifier = make(name, 160 if name == "test_vit" else 64)
    found = stages(classifier, most)
    weights = [id(weight) for stage in found for weight in stage.weights]
    assert len(weights) == len(set(weights))
    assert set(weights) == {id(weight) for weight in classifier.parameters()}
    assert 2 <= len(found) <= most
    assert len({stage.name for stage in found}) == len(found)


def test_stages_go_from_the_top_downwards(classifier: Classifier) -> None:
    names = [stage.name for stage in stages(classifier, 100)]
    top = ["linear head", "bn2", "conv_head"]
    assert names == [*top, *(f"blocks.{i}" for i in range(6, -1, -1)), "bn1", "conv_stem"]
    assert [stage.name for stage in stages(classifier, 1)] == ["linear head", "conv_stem"]


def test_shuffling_keeps_the_numbers_and_loses_their_places() -> None:
    weight = nn.Parameter(torch.arange(60.0).reshape(3, 4, 5))
    shuffle(weight, torch.Generator().manual_seed(0))
    assert weight.shape == (3, 4, 5)
    assert torch.equal(weight.flatten().sort().values, torch.arange(60.0))
    assert (weight.flatten() == torch.arange(60.0)).sum() < 6
    assert weight.requires_grad


def test_the_cascade_reaches_one_stage_more_each_time(classifier: Classifier) -> None:
    trained = dict(classifier.named_parameters())
    reached = []
    for _, randomised in cascade(classifier, most=5):
        pairs = ((key, weight, trained[key]) for key, weight in randomised.named_parameters())
        reached.append({key for key, weight, was in pairs if not torch.equal(weight, was)})
    assert reached[0] == {"head.weight", "head.bias"}
    assert all(one < more for one, more in itertools.pairwise(reached))
    assert len(reached) == 5
    spread = {key for key, was in trained.items() if was.std() > 0}  # a fresh norm is all ones
    assert reached[-1] == spread


def test_the_classifier_is_left_exactly_as_it_was(
    classifier: Classifier, specimens: Specimens
) -> None:
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    storage = [weight.data_ptr() for weight in classifier.parameters()]
    with torch.no_grad():
        logits = classifier(specimens.images)
    followed(classifier, Cam(), specimens, most=3)
    after = classifier.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [weight.data_ptr() for weight in classifier.parameters()] == storage
    assert all(weight.requires_grad and weight.grad is None for weight in classifier.parameters())
    assert not classifier.training
    with torch.no_grad():
        assert torch.equal(classifier(specimens.images), logits)


def test_a_map_of_the_network_collapses(classifier: Classifier, specimens: Specimens) -> None:
    found = followed(classifier, Cam(), specimens, most=4)
    assert found[0].stage == "linear head"
    assert abs(found[-1].signed.mean()) < 0.5
    assert found[-1].signed.shape == (8,)


def test_a_map_of_the_photo_survives(classifier: Classifier, specimens: Specimens) -> None:
    for similarity in followed(classifier, Edges(), specimens, most=4):
        assert similarity.signed == pytest.approx([1.0] * 8)
        assert similarity.absolute == pytest.approx([1.0] * 8)


def test_the_absolute_map_sees_through_a_turned_sign(specimens: Specimens) -> None:
    """A one-class head whose weight turns over: the signed map reverses, the absolute stays."""

    @dataclass(frozen=True)
    class Turned:
        name: str = "turned"

        def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
            values = images.mean(1) * torch.where(classifier.head.bias[0] > 0, 1.0, -1.0)
            return Attribution(self.name, values, torch.zeros(len(images)), complete=False)

    classifier = make("mobilenetv2_035")
    with torch.no_grad():
        classifier.head.bias.copy_(torch.tensor([1.0, -1, -1, -1, -1]))
    first = followed(classifier, Turned(), specimens, most=2)[0]
    assert first.signed == pytest.approx([-1.0] * 8)
    assert first.absolute == pytest.approx([1.0] * 8)


def test_the_seed_decides(classifier: Classifier, specimens: Specimens) -> None:
    runs = [followed(classifier, Cam(), specimens, most=2, seed=s)[-1].signed for s in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.real_weights
@pytest.mark.usefixtures("real_weights")
def test_a_real_network_does_not_die_of_it(specimens: Specimens) -> None:
    """MobileNetV2 with folded norms still has a varied feature map at every stage."""
    classifier = Classifier(load_backbone("mobilenetv2_100", "torchvision"), CLASSES).eval()
    for _, randomised in cascade(classifier):
        with torch.no_grad():
            feature_map = randomised.answer(specimens.images).map
        assert feature_map.isfinite().all()
        assert feature_map.std((2, 3)).mean() > 0.05
