"""Explanations at inference speed: the same numbers as without."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from florascope.errors import ExplanationError
from florascope.explanation import inference
from florascope.explanation.cam import ClassActivationMap, GradCAM
from florascope.explanation.explanation import Question, explain_crops, explainer
from florascope.explanation.inference import (
    Abreast,
    FastClassifier,
    SplitPasses,
    hastened,
    one_core_each,
    spread,
)
from florascope.explanation.layer_cam import LayerCAM
from florascope.explanation.sharp import Sharp, contributions
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.parallel import in_order
from florascope.preprocessing import Preprocessing

SIZE = 64
TARGETS = torch.tensor([0, 2, 1])

pytestmark = pytest.mark.usefixtures("cache")


def network(make_classifier: Callable[..., Classifier], name: str) -> Classifier:
    pooled = {"global_pool": "avg", "img_size": SIZE} if "vit" in name else {}
    made = make_classifier(name, K=4, **pooled)
    backbone = Backbone(name, Preprocessing(size=SIZE), pooled).eval()
    backbone.net.load_state_dict(made.backbone.net.state_dict())
    classifier = Classifier(backbone, made.classes).eval()
    classifier.set_head(made.head.weight, made.head.bias)
    return classifier


def images() -> torch.Tensor:
    return torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


# Not MobileNetV2 with random weights: its sharp maps in float32 are 1 % off those in float64.
CASES = [
    ("sharp", "test_resnet"),
    ("sharp", "test_efficientnet"),
    ("sharp", "test_vit"),
    ("cam", "mobilenetv2_050"),
    ("cam", "test_convnext"),
    ("ig", "test_efficientnet"),
]


@pytest.mark.parametrize(("method", "name"), CASES)
def test_the_same_maps(make_classifier: Callable[..., Classifier], name: str, method: str) -> None:
    classifier, how = network(make_classifier, name), explainer(method)
    truth = how(classifier, images(), TARGETS)
    quick = hastened(how, classifier, FastClassifier(classifier)).how
    for asked in (quick, Abreast(quick)):
        found = asked(classifier, images(), TARGETS)
        assert (asked.name, found.method) == (method, truth.method)
        scale = truth.values.abs().max().item()
        torch.testing.assert_close(found.values, truth.values, rtol=0, atol=1e-4 * scale)
        torch.testing.assert_close(found.total, truth.total, rtol=1e-4, atol=1e-4)


def test_a_network_that_can_be_cut_is(make_classifier: Callable[..., Classifier]) -> None:
    classifier = network(make_classifier, "test_resnet")
    look = SplitPasses(classifier, FastClassifier(classifier))
    found, truth = (f(classifier, images(), TARGETS) for f in (look, contributions))
    (made,) = look.fast.splits.values()
    assert made is not None
    SplitPasses(classifier, look.fast)(classifier, images(), TARGETS)
    assert list(look.fast.splits.values()) == [made], "made once for all who ask"
    for ours, expected in zip(found, truth, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-5)


def test_two_who_explain_at_once_cut_a_network_once(
    make_classifier: Callable[..., Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier, begun = network(make_classifier, "test_resnet"), list[int]()

    def cut(*_args: object) -> None:
        begun.append(1)
        time.sleep(0.1)  # long enough for the other to come

    monkeypatch.setattr(inference, "_cut", cut)
    fast = FastClassifier(classifier)
    looks = [SplitPasses(classifier, fast) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda look: look(classifier, images(), TARGETS), looks))
    assert begun == [1]


def test_gradients_are_taken_without_batchnorm(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier, how = network(make_classifier, "mobilenetv2_050"), explainer("ig")
    twin = hastened(how, classifier, FastClassifier(classifier)).how.classifier  # type: ignore[attr-defined]
    assert not any(isinstance(part, nn.BatchNorm2d) for part in twin.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in classifier.modules())


def test_others_stay_as_they_are(make_classifier: Callable[..., Classifier]) -> None:
    classifier, how = network(make_classifier, "test_resnet"), GradCAM()
    assert hastened(how, classifier, FastClassifier(classifier)).how is how


def test_a_fast_network_says_of_itself_what_the_slow_one_does(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier = network(make_classifier, "test_convnext")
    fast = FastClassifier(classifier)
    assert (fast.classes, fast.preprocessing) == (classifier.classes, classifier.preprocessing)
    assert fast.backbone.pools_linearly
    with torch.no_grad():
        torch.testing.assert_close(fast(images()), classifier(images()), rtol=1e-4, atol=1e-4)


def test_one_core_each_for_a_while() -> None:
    before = torch.get_num_threads()
    with one_core_each():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    assert spread(lambda n: (n, torch.get_num_threads()), range(3)) == [(0, 1), (1, 1), (2, 1)]
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("rival", [None, 3])
def test_a_batch_is_explained_as_each_alone(
    make_classifier: Callable[..., Classifier], rival: int | None
) -> None:
    classifier = network(make_classifier, "test_resnet")
    shape = (3, SIZE, SIZE, 3)
    crops = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for how in (ClassActivationMap(), Sharp()):
        question = Question(how, 1, rival)
        together = explain_crops(classifier, crops, question)
        for crop, found in zip(crops, together, strict=True):
            (alone,) = explain_crops(classifier, crop[None], question)
            assert (found.target, found.against) == (alone.target, alone.against)
            assert found.logit == pytest.approx(alone.logit, rel=1e-4, abs=1e-5)
            assert found.probability == pytest.approx(alone.probability, rel=1e-4)
            scale = np.abs(alone.values).max()
            np.testing.assert_allclose(found.values, alone.values, rtol=0, atol=1e-4 * scale)
            assert found.crop is not alone.crop


@pytest.mark.parametrize("method", ["sharp", "cam"])
@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_logits_come_first_and_their_pass_is_taken_up(
    make_classifier: Callable[..., Classifier], name: str, method: str
) -> None:
    classifier, how = network(make_classifier, name), explainer(method)
    quick = hastened(how, classifier, FastClassifier(classifier, threads=1))
    for batch in (images()[:2], images()[1:]):  # the second must not be answered from the first
        logits = quick.network(batch)
        torch.testing.assert_close(logits, classifier(batch), rtol=1e-4, atol=1e-4)
        for targets in (logits.argmax(1), logits.argmin(1)):  # one pass serves both
            truth = how(classifier, batch, targets).values
            found = quick.how(classifier, batch, targets).values
            torch.testing.assert_close(found, truth, rtol=0, atol=1e-4 * truth.abs().max().item())


def test_a_pass_is_taken_up_only_for_the_very_same_images(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier, batch = network(make_classifier, "test_resnet"), images()
    fast = FastClassifier(classifier)
    first = fast.backbone(batch)
    assert fast.backbone(batch) is first
    assert fast.backbone(batch.clone()) is not first
    changed = fast.backbone(batch.mul_(2))  # in place: the same memory holds other images
    torch.testing.assert_close(changed.features, classifier.backbone(batch).features)


@pytest.mark.parametrize(
    ("method", "name", "pooled"),
    [
        ("sharp", "test_vit", {"global_pool": "avg"}),  # cannot be cut: its looks need a hook
        ("sharp", "test_resnet", {}),
        ("direct", "test_vit", {}),
        ("layercam", "test_resnet", {}),
    ],
)
def test_threads_do_not_get_into_one_anothers_passes(
    make_classifier: Callable[..., Classifier], method: str, name: str, pooled: dict[str, str]
) -> None:
    size = {"img_size": SIZE} if "vit" in name else {}
    classifier = make_classifier(name, K=4, **size, **pooled)
    how = LayerCAM(("layer2", "layer3")) if method == "layercam" else explainer(method)
    quick = hastened(how, classifier, FastClassifier(classifier, threads=1)).how
    generator = torch.Generator().manual_seed(2)
    photos = [torch.randn(1, 3, SIZE, SIZE, generator=generator) for _ in range(24)]
    alone = [how(classifier, photo, TARGETS[:1]).values for photo in photos]
    with one_core_each():
        together = list(in_order(lambda p: quick(classifier, p, TARGETS[:1]).values, photos, 4))
    for found, truth in zip(together, alone, strict=True):
        torch.testing.assert_close(found, truth, rtol=0, atol=1e-3 * truth.abs().max().item())


def test_a_network_without_maps_is_refused_with_what_exists_for_it(
    make_classifier: Callable[..., Classifier],
) -> None:
    classifier = make_classifier("test_vit", img_size=SIZE)
    fast = FastClassifier(classifier)
    for name in ("cam", "sharp", "gradcam"):
        quick = hastened(explainer(name), classifier, fast).how
        with pytest.raises(ExplanationError, match="Use `method='direct'` or `method='legrad'`"):
            quick(classifier, images(), TARGETS)
