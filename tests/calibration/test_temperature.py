"""Temperatures that were planted, and calibration errors by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from florascope.calibration.temperature import calibration_error, fit_temperature


def planted(scale: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose classes are drawn from softmax(logits / scale)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 5)) * scale
    labels = (softmax(logits / scale, 1).cumsum(1) > rng.random((n, 1))).argmax(1)
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_planted_temperature_is_found(scale: float) -> None:
    assert fit_temperature(*planted(scale)) == pytest.approx(scale, rel=0.05)


def test_it_is_the_minimum_that_scipy_finds() -> None:
    logits, labels = planted(1.7, 300)

    def loss(t: float) -> float:
        return float(-log_softmax(logits / t, 1)[np.arange(300), labels].mean())

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8})
    assert fit_temperature(logits, labels) == pytest.approx(best.x, rel=1e-4)


def test_all_right_or_all_wrong_ends_at_the_bounds() -> None:
    logits = np.eye(3, dtype=np.float32)
    assert fit_temperature(logits, np.array([0, 1, 2])) == pytest.approx(0.05, rel=1e-6)
    assert fit_temperature(logits, np.array([1, 2, 0])) == pytest.approx(20, rel=1e-6)


def test_calibration_error_by_hand() -> None:
    """Two photos in the bin of 0.7, one of them right; one in the bin of 0.9, right."""
    probabilities = np.array([[0.7, 0.3], [0.3, 0.7], [0.9, 0.1]])
    labels = np.array([0, 0, 0])
    expected = 2 / 3 * abs(0.5 - 0.7) + 1 / 3 * abs(1 - 0.9)
    assert calibration_error(probabilities, labels, bins=10) == pytest.approx(expected)


def test_gaps_within_a_bin_cancel() -> None:
    probabilities = np.tile([0.75, 0.25], (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)


def test_probability_one_is_in_the_last_bin() -> None:
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([1])) == 1.0
