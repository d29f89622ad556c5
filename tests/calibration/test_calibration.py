"""What calibrate fits, from which photos, and how it is written."""

import json
from typing import Any

import jaxtyping
import numpy as np
import pytest

from florascope.calibration.calibration import (
    DOUBTED,
    REFUSED,
    Calibrated,
    Calibration,
    calibrate,
    lower_quantile,
)
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.similarity import similarities
from florascope.calibration.temperature import calibration_error, fit_temperature
from florascope.data.dataset import Split
from florascope.errors import BundleError
from florascope.metrics import softmax

SPLIT = Split("planted", np.arange(300), np.arange(300, 400), np.arange(400, 500))
FIGURES = Calibration(100, 1.5, 0.1, 0.01, 0.9, (0.2, 0.3), 0.7, 0.8)


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    features = (np.eye(4, 6)[labels] + rng.normal(1, 0.4, (500, 6))).astype(np.float32)
    logits = (4 * features[:, :4] + rng.normal(0, 1, (500, 4))).astype(np.float32)
    return features, logits, labels


def fitted() -> tuple[Calibrated, np.ndarray, np.ndarray, np.ndarray]:
    features, logits, labels = data()
    return calibrate(features, logits, labels, SPLIT), features, logits, labels


def test_every_figure_is_of_the_validation_photos() -> None:
    (figures, means), features, logits, labels = fitted()
    val, truth = SPLIT.val, labels[SPLIT.val]
    assert figures.photos == 100
    assert figures.temperature == fit_temperature(logits[val], truth)
    after = softmax(logits[val] / figures.temperature)
    assert figures.ece_before == calibration_error(softmax(logits[val]), truth)
    assert figures.ece_after == calibration_error(after, truth)
    assert figures.thresholds == tuple(balanced_thresholds(after, truth, 0.9))
    refused = similarities(features[val], means).max(1) < figures.alike
    doubted = after.max(1) < figures.sure
    assert refused.sum() == int(REFUSED * 101) - 1
    assert doubted.sum() == int(DOUBTED * 101) - 1


def test_test_photos_are_not_looked_at() -> None:
    (expected, means), features, logits, labels = fitted()
    features[SPLIT.test], logits[SPLIT.test], labels[SPLIT.test] = np.nan, np.nan, 0
    figures, again = calibrate(features, logits, labels, SPLIT)
    assert figures == expected
    np.testing.assert_array_equal(again, means)


def test_new_photos_fall_below_the_quantile_as_promised() -> None:
    rng = np.random.default_rng(0)
    for n in (40, 99, 200):
        draws = rng.normal(size=(4000, n + 1))
        below = [row[-1] < lower_quantile(row[:-1], 0.05) for row in draws]
        assert np.mean(below) == pytest.approx(int(0.05 * (n + 1)) / (n + 1), abs=0.01)


def test_few_photos_still_give_the_smallest() -> None:
    assert lower_quantile(np.array([0.3, 0.1, 0.2]), 0.03) == 0.1


def test_json_round_trip() -> None:
    values = json.loads(json.dumps(FIGURES.to_json()))
    assert Calibration.from_json(values, 2) == FIGURES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"alike": float("inf")}, "finite numbers"),
        ({"thresholds": [0.1]}, "has 1 thresholds .* each of 2 classes"),
        ({"thresholds": None}, "lacks or garbles"),
        ({"sure": "very"}, "lacks or garbles"),
        ({"mood": 1}, "lacks or garbles .*mood"),
    ],
)
def test_damaged_figures(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as a user's file meets it
    with pytest.raises(BundleError, match=message):
        Calibration.from_json({**FIGURES.to_json(), **changes}, 2)


def test_a_missing_figure() -> None:
    values = FIGURES.to_json()
    del values["thresholds"]
    with pytest.raises(BundleError, match="lacks or garbles 'thresholds'"):
        Calibration.from_json(values, 2)
