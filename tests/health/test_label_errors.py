"""Planted wrong labels are found; the confident joint agrees with a count by hand."""

import numpy as np
import pytest

from florascope.health.label_errors import confident_joint, noise_rate, suspects
from florascope.health.quick_probe import out_of_fold


def test_the_joint_by_hand() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2]]
    )
    labels = np.array([0, 0, 0, 1, 1, 1])
    # thresholds: class 0 (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1 (0.9 + 0.7 + 0.2) / 3 = 0.6
    assert confident_joint(probabilities, labels).tolist() == [[2, 1], [1, 2]]
    assert np.isclose(noise_rate(probabilities, labels), 1 / 3)
    found = suspects(probabilities, labels)
    assert [s.index for s in found] == [2, 5]
    assert np.allclose([s.margin for s in found], [0.6, 0.6])
    assert (found[0].label, found[0].looks_like) == (0, 1)


def test_photos_that_reach_no_threshold_are_not_counted() -> None:
    probabilities = np.array([[0.9, 0.1], [0.55, 0.45], [0.1, 0.9], [0.4, 0.6]])
    joint = confident_joint(probabilities, np.array([0, 0, 1, 1]))
    assert joint.sum() == 2


def test_rows_are_scaled_to_the_labels() -> None:
    """Of class 0 half, of class 1 none is wrong: 2 of 6 labels, whatever was counted."""
    probabilities = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]], float)
    assert np.isclose(noise_rate(probabilities, np.array([0, 0, 0, 0, 1, 1])), 1 / 3)


def planted(rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 1, (5, 20))
    truth = np.arange(400) % 5
    features = (centres[truth] + 0.6 * draw.normal(0, 1, (400, 20))).astype(np.float32)
    wrong = draw.random(400) < rate
    labels = np.where(wrong, (truth + draw.integers(1, 5, 400)) % 5, truth)
    return features, labels, wrong


def test_planted_errors_are_found() -> None:
    features, labels, wrong = planted(0.1)
    probabilities = out_of_fold(features, labels, 5)
    found = {s.index for s in suspects(probabilities, labels)}
    planted_ones = set(np.flatnonzero(wrong).tolist())
    assert len(found & planted_ones) >= 0.9 * len(planted_ones)
    assert len(found - planted_ones) <= 0.2 * len(found)
    assert abs(noise_rate(probabilities, labels) - wrong.mean()) < 0.03


def test_clean_labels_raise_little_suspicion() -> None:
    features, labels, _ = planted(0.0)
    assert noise_rate(out_of_fold(features, labels, 5), labels) < 0.03


def test_noise_rate_of_planted_labels_out_of_fold() -> None:
    """Separable classes of which a tenth of the labels is another class's."""
    draw = np.random.default_rng(0)
    truth = np.arange(1000) % 4
    features = np.eye(4)[truth] * 8 + draw.normal(0, 1, (1000, 4))
    wrong = draw.random(1000) < 0.1
    labels = np.where(wrong, (truth + draw.integers(1, 4, 1000)) % 4, truth)
    found = noise_rate(out_of_fold(features, labels, 4), labels)
    assert found == pytest.approx(wrong.mean(), abs=0.02)
