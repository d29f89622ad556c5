"""What the browser learns from few photos, against NumPy, the library and ONNX Runtime."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from florascope.calibration.calibration import DOUBTED, LEVEL, PRIOR, REFUSED
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.fitting import (
    HeldOut,
    calibration_error,
    fit_figures,
    fit_temperature,
    lower_quantile,
)
from florascope.calibration.similarity import class_means, similarities
from florascope.metrics import softmax

WIDTH = 24
RIDGE, SCALE = 10.0, 5.0  # of export/web/head.js


def drawn(per_class: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of classes that lie apart, and their labels, mixed."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(classes), per_class))
    return rng.uniform(0, 2, (classes, WIDTH))[labels] + rng.normal(
        0, 0.6, (len(labels), WIDTH)
    ), labels


def discriminants(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head as a textbook writes it, with the covariance in full."""
    centre = features.mean(0)
    means = np.stack([features[labels == k].mean(0) for k in range(labels.max() + 1)])
    rest = features - means[labels]
    covariance = rest.T @ rest / len(rest)
    covariance += RIDGE * np.trace(covariance) / WIDTH * np.eye(WIDTH)
    weight = np.linalg.solve(covariance, (means - centre).T).T / SCALE
    return weight, -0.5 * (weight * (means - centre)).sum(1) - weight @ centre


def test_the_head_is_a_linear_discriminant(engine: Any) -> None:
    features, labels = drawn(4)
    (found,) = engine([{"what": "head", **listed(features, labels)}])
    weight, bias = discriminants(features, labels)
    np.testing.assert_allclose(
        np.reshape(found["weight"], weight.shape), weight, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(found["bias"], bias, rtol=1e-5)
    means = class_means(features, labels, 3)
    np.testing.assert_allclose(np.reshape(found["means"], means.shape), means, atol=1e-6)


def test_each_photo_is_answered_by_a_head_of_the_others(engine: Any) -> None:
    features, labels = drawn(3)
    elsewhere = np.linspace(0, 0.5, len(labels))
    (found,) = engine(
        [{"what": "left", **listed(features, labels), "elsewhere": elsewhere.tolist()}]
    )
    for out, one in enumerate(found):
        rest = np.arange(len(labels)) != out
        weight, bias = discriminants(features[rest], labels[rest])
        np.testing.assert_allclose(one["logits"], weight @ features[out] + bias, rtol=1e-6)
        means = class_means(features[rest], labels[rest], 3)
        alike = similarities(features[out : out + 1], means).max() - elsewhere[out]
        assert one["alike"] == pytest.approx(alike, abs=1e-6)


def test_photos_that_do_not_differ_are_learnt(engine: Any) -> None:
    features = np.repeat(np.eye(2, WIDTH), 2, axis=0)
    (found,) = engine([{"what": "head", **listed(features, np.array([0, 0, 1, 1]))}])
    logits = features @ np.reshape(found["weight"], (2, WIDTH)).T + found["bias"]
    assert np.isfinite(logits).all()
    assert logits.argmax(1).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("per_class", [2, 5, 14])
def test_figures_are_the_librarys(engine: Any, per_class: int) -> None:
    """Below and above the 12 and 32 photos from which quantiles are photos' own values."""
    rng = np.random.default_rng(per_class)
    labels = np.repeat(np.arange(3), per_class)
    logits = rng.normal(0, 1, (len(labels), 3)) + 2 * np.eye(3)[labels]
    alike = rng.uniform(0, 1, len(labels))
    answers = [
        {"logits": row, "alike": one} for row, one in zip(logits.tolist(), alike, strict=True)
    ]
    figures = {"level": LEVEL, "refused": REFUSED, "doubted": DOUBTED, "prior": PRIOR}
    (found,) = engine(
        [{"what": "calibrated", "answers": answers, "labels": labels.tolist(), "figures": figures}]
    )
    expected = fit_figures(HeldOut(logits, alike, labels, folds=len(labels))).to_json()
    assert found.keys() == expected.keys()
    assert found.pop("pooling") == 0
    expected.pop("pooling")
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_single_figures(engine: Any) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 60)
    probabilities = softmax(rng.normal(0, 2, (60, 4)))
    calls = [
        {"what": "error", "probabilities": probabilities.tolist(), "labels": labels.tolist()},
        {"what": "quantile", "values": [0.4], "share": 0.03},
        {"what": "quantile", "values": [0.4, 0.9, 0.8], "share": 0.03},
        {"what": "temperature", "logits": [[9, 0], [0, 9]], "labels": [0, 1], "prior": PRIOR},
        {"what": "thresholds", "probabilities": [[0.9, 0.1]], "labels": [0], "level": LEVEL},
    ]
    sure = np.array([[9.0, 0.0], [0.0, 9.0]]), np.array([0, 1])
    alone = balanced_thresholds(np.array([[0.9, 0.1]]), np.array([0]), LEVEL)
    error, single, few, temperature, thresholds = engine(calls)
    assert error == pytest.approx(calibration_error(probabilities, labels))
    assert single == lower_quantile(np.array([0.4]), 0.03)
    assert few == pytest.approx(lower_quantile(np.array([0.4, 0.9, 0.8]), 0.03))
    assert temperature == pytest.approx(fit_temperature(*sure))
    assert thresholds == pytest.approx(alone)


def listed(features: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    return {
        "features": features.tolist(),
        "labels": labels.tolist(),
        "classes": int(labels.max()) + 1,
    }


def test_a_network_gets_another_head(engine: Any, bundle: Path, tmp_path: Path) -> None:
    """In ONNX Runtime: the features stay, what is said of them changes."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 1, (2, 3, *before(bundle / "model.onnx")[1])).astype(np.float32)
    old = outputs(bundle / "model.onnx", images)
    features, (_, _, *sides) = old["features"], old["cam"].shape
    head = {
        "weight": rng.normal(0, 1, (4, features.shape[1])),
        "bias": rng.normal(0, 1, 4),
        "means": class_means(rng.uniform(0, 1, (4, features.shape[1])), np.arange(4), 4),
    }
    to = tmp_path / "taught.onnx"
    sent = {name: np.ravel(values).tolist() for name, values in head.items()}
    places = int(np.prod(sides))
    engine(
        [
            {
                "what": "network",
                "from": str(bundle / "model.onnx"),
                "to": str(to),
                "head": sent,
                "places": places,
            }
        ]
    )
    new = outputs(to, images)
    np.testing.assert_array_equal(new["features"], features)
    np.testing.assert_allclose(new["logits"], features @ head["weight"].T + head["bias"], atol=1e-3)
    np.testing.assert_allclose(new["cam"].sum((2, 3)) + head["bias"], new["logits"], atol=1e-3)
    alike = similarities(features, head["means"]) - old["similarities"].max(1, keepdims=True)
    np.testing.assert_allclose(new["similarities"], alike, atol=1e-5)
    assert to.stat().st_size < (bundle / "model.onnx").stat().st_size  # the old head is gone


def before(path: Path) -> tuple[str, list[int]]:
    entry = ort.InferenceSession(path).get_inputs()[0]
    return entry.name, entry.shape[2:]


def outputs(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(path)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def test_a_network_without_maps_and_similarities(
    engine: Any, unmapped: Path, tmp_path: Path
) -> None:
    _, sides = before(unmapped / "model.onnx")
    images = np.random.default_rng(0).normal(0, 1, (1, 3, *sides)).astype(np.float32)
    features = outputs(unmapped / "model.onnx", images)["features"]
    width = features.shape[1]
    head = {"weight": [0.5] * 2 * width, "bias": [0, 1], "means": [width**-0.5] * 2 * width}
    to = tmp_path / "taught.onnx"
    engine(
        [
            {
                "what": "network",
                "from": str(unmapped / "model.onnx"),
                "to": str(to),
                "head": head,
                "places": 0,
            }
        ]
    )
    new = outputs(to, images)
    assert set(new) == {"logits", "similarities", "features"}
    np.testing.assert_allclose(new["logits"], features.sum() / 2 + [[0, 1]], rtol=1e-4)
    alike = features.sum() / np.linalg.norm(features) / width**0.5
    np.testing.assert_allclose(new["similarities"], [[alike, alike]], rtol=1e-4)


def test_an_archive_is_a_zip_file(engine: Any, tmp_path: Path) -> None:
    files = {"config.json": '{"a": 1}', "ñ.txt": "año", "empty": ""}
    to = tmp_path / "made.zip"
    engine([{"what": "zip", "to": str(to), "files": list(files.items())}])
    with zipfile.ZipFile(to) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
