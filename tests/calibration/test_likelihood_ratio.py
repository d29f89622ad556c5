"""The likelihood ratio against SciPy's Gaussians, and classes never shown that were planted."""

import numpy as np
import onnxruntime as ort
import pytest
from scipy.stats import multivariate_normal

from florascope.calibration.likelihood_ratio import FEWEST, WIDER, LikelihoodRatio
from florascope.nets.onnx_graph import add_ratios

CLASSES, WIDTH, PHOTOS = 14, 20, 40


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Photos of 20 classes around means of their own; the last six are never shown."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES + 6), PHOTOS)
    means = rng.normal(size=(CLASSES + 6, WIDTH)) + 3
    features = means[labels] + rng.normal(0, 0.35, (len(labels), WIDTH))
    return features.astype(np.float32), labels


@pytest.fixture(scope="module")
def ratio() -> LikelihoodRatio:
    features, labels = planted()
    fitted = LikelihoodRatio.fit(features[labels < CLASSES], labels[labels < CLASSES], CLASSES)
    assert fitted is not None
    return fitted


def test_it_is_the_ratio_of_two_gaussians(ratio: LikelihoodRatio) -> None:
    features, labels = planted()
    train = labels < CLASSES
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    z = unit @ ratio.axes.T + ratio.shift
    means = np.stack([z[labels == k].mean(0) for k in range(CLASSES)])
    within = ((z[train] - means[labels[train]]) ** 2).sum(0) / (train.sum() - CLASSES)
    between = (means**2).mean(0) - within / PHOTOS
    within = WIDER * within
    gain = between / (between + within / PHOTOS)
    new = multivariate_normal(np.zeros(len(within)), np.diag(within + between))
    for k in (0, 5):
        spread = within + gain * within / PHOTOS
        known = multivariate_normal(gain * means[k], np.diag(spread))
        expected = known.logpdf(z) - new.logpdf(z)
        np.testing.assert_allclose(ratio(features)[:, k], expected, rtol=2e-3, atol=2e-2)


def test_axes_make_photos_of_a_class_round(ratio: LikelihoodRatio) -> None:
    features, labels = planted()
    z = features / np.linalg.norm(features, axis=1, keepdims=True) @ ratio.axes.T
    means = np.stack([z[labels == k].mean(0) for k in range(CLASSES)])
    between = np.cov(means.T)
    assert abs(between - np.diag(np.diag(between))).max() < 1e-3 * np.diag(between).max()


def test_strangers_are_told_from_the_known(ratio: LikelihoodRatio) -> None:
    features, labels = planted()
    largest = ratio(features).max(1)
    assert np.quantile(largest[labels < CLASSES], 0.05) > np.quantile(
        largest[labels >= CLASSES], 0.9
    )


def test_a_class_without_photos_is_as_likely_as_a_new_one() -> None:
    features, labels = planted()
    some = (labels < CLASSES) & (labels != 3)
    fitted = LikelihoodRatio.fit(features[some], labels[some], CLASSES)
    assert fitted is not None
    np.testing.assert_allclose(fitted(features)[:, 3], 0, atol=1e-3)


def test_few_classes_or_equal_photos_say_nothing() -> None:
    features, labels = planted()
    few = labels < FEWEST - 1
    assert LikelihoodRatio.fit(features[few], labels[few], CLASSES) is None
    assert LikelihoodRatio.fit(np.ones_like(features), labels, CLASSES + 6) is None


def test_the_graph_computes_the_same(ratio: LikelihoodRatio) -> None:
    onnx = pytest.importorskip("onnx")
    features, _ = planted()
    ends = [onnx.helper.make_tensor_value_info("features", 1, ["batch", WIDTH])]
    graph = onnx.helper.make_graph([], "ratios", ends, [])
    add_ratios(graph, ratio)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    (found,) = ort.InferenceSession(model.SerializeToString()).run(None, {"features": features})
    np.testing.assert_allclose(found, ratio(features), rtol=1e-3, atol=1e-3)
