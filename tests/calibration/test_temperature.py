"""Temperatures that were planted, and calibration errors by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import gamma

from florascope.calibration.temperature import PRIOR, calibration_error, fit_temperature


def planted(scale: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose classes are drawn from softmax(logits / scale)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 5)) * scale
    labels = (softmax(logits / scale, 1).cumsum(1) > rng.random((n, 1))).argmax(1)
    return logits.astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_planted_temperature_is_found(scale: float) -> None:
    assert fit_temperature(*planted(scale)) == pytest.approx(scale, rel=0.05)


def test_it_is_the_most_probable_one_that_scipy_finds() -> None:
    """A Gamma prior of 1/T with shape PRIOR + 1 and rate PRIOR."""
    n = 30
    logits, labels = planted(1.7, n)

    def loss(t: float) -> float:
        prior = gamma(PRIOR + 1, scale=1 / PRIOR).logpdf(1 / t)
        return float(-log_softmax(logits / t, 1)[np.arange(n), labels].sum() - prior)

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8})
    assert fit_temperature(logits, labels) == pytest.approx(best.x, rel=1e-4)


def test_photos_that_say_nothing_leave_the_temperature_at_one() -> None:
    same = np.zeros((5, 3), np.float32)
    assert fit_temperature(same, np.array([0, 1, 2, 0, 1])) == pytest.approx(1, rel=1e-5)


def test_twenty_right_answers_are_no_licence_to_be_sure_of_everything() -> None:
    logits = np.tile(np.array([[3.0, 0.0]], np.float32), (20, 1))
    found = fit_temperature(logits, np.zeros(20, np.int64))
    assert 0.6 < found < 1
    assert softmax(logits / found, 1).max() < 0.99


def test_many_photos_outweigh_the_prior_up_to_the_bounds() -> None:
    logits = np.tile(np.eye(3, dtype=np.float32), (3000, 1))
    right, wrong = np.tile([0, 1, 2], 3000), np.tile([1, 2, 0], 3000)
    assert fit_temperature(logits, right) < 0.2
    assert fit_temperature(logits, wrong) == pytest.approx(20, rel=1e-6)


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
