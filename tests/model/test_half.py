"""Halved bundles against whole ones: half the bytes, the same answers."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import nn

from florascope.model.classifier import Classifier
from florascope.model.half import halved, rounded
from florascope.model.onnx_graph import classifier_graph

MakeClassifier = Callable[..., Classifier]


@pytest.fixture
def classifier(make_classifier: MakeClassifier) -> Classifier:
    return make_classifier("test_resnet")


def run(graph: bytes, image: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image}), strict=True))


def test_rounded_weights_are_half_precision_numbers(classifier: Classifier) -> None:
    twin = rounded(classifier)
    for before, after in zip(classifier.parameters(), twin.parameters(), strict=True):
        expected = before.half().float() if before.ndim > 1 else before
        assert torch.equal(after, expected)
    assert twin is not classifier


def as_after_fine_tuning(classifier: Classifier) -> Classifier:
    """Let every BatchNorm shift alone, as folding and unfolding leaves it."""
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.running_mean)  # type: ignore[arg-type]
            nn.init.constant_(module.running_var, 1 - module.eps)  # type: ignore[arg-type]
    return classifier


def differences(classifier: Classifier) -> tuple[float, float]:
    """Bytes of the halved graph over the whole one's, and the largest relative difference."""
    whole = classifier_graph(rounded(classifier))
    small = halved(whole)
    size = classifier.preprocessing.size
    image = np.random.default_rng(0).normal(0, 1, (2, 3, size, size)).astype(np.float32)
    first, second = (run(g.SerializeToString(), image) for g in (whole, small))
    assert first.keys() == second.keys()
    gaps = [np.abs(second[name] - v).max() / np.abs(v).max() for name, v in first.items()]
    return small.ByteSize() / whole.ByteSize(), float(max(gaps))


def test_a_halved_graph_is_smaller_and_answers_the_same(classifier: Classifier) -> None:
    share, gap = differences(as_after_fine_tuning(classifier))
    assert share < 0.62
    assert gap < 1e-5


def test_what_batchnorm_scales_is_left_whole(classifier: Classifier) -> None:
    share, gap = differences(classifier)
    assert share > 0.62
    assert gap < 1e-5


def test_the_graph_that_was_given_is_left_alone(classifier: Classifier) -> None:
    whole = classifier_graph(classifier)
    before = whole.SerializeToString()
    halved(whole)
    assert whole.SerializeToString() == before
