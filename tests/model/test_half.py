"""Halved bundles against whole ones: half the bytes, the same answers."""

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import pytest
import torch

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


def test_a_halved_graph_is_smaller_and_answers_the_same(classifier: Classifier) -> None:
    whole = classifier_graph(rounded(classifier))
    small = halved(whole)
    assert small.ByteSize() < 0.62 * whole.ByteSize()
    size = classifier.preprocessing.size
    image = np.random.default_rng(0).normal(0, 1, (2, 3, size, size)).astype(np.float32)
    first = run(whole.SerializeToString(), image)
    second = run(small.SerializeToString(), image)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert np.abs(second[name] - values).max() <= 1e-4 * np.abs(values).max(), name


def test_the_graph_that_was_given_is_left_alone(classifier: Classifier) -> None:
    whole = classifier_graph(classifier)
    before = whole.SerializeToString()
    halved(whole)
    assert whole.SerializeToString() == before
