"""What is fitted, from which photos, and how many known ones it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import gamma, zscore
from scipy.stats import t as student

from florascope.calibration.calibration import (
    DOUBTED,
    DOUBTED_TOO,
    FEW,
    LOGITS,
    PRIOR,
    REFUSED,
    REFUSED_TOO,
    UNFAMILIAR,
    Calibrated,
    Calibration,
)
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.fitting import (
    HeldOut,
    calibrate,
    calibration_error,
    fit_figures,
    fit_temperature,
    lower_quantile,
)
from florascope.calibration.similarity import similarities
from florascope.data.dataset import Split
from florascope.metrics import softmax

SPLIT = Split("planted", np.arange(300), np.arange(300, 400), np.arange(400, 500))


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
    (figures, means, _), features, logits, labels = fitted()
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
    (expected, means, _), features, logits, labels = fitted()
    features[SPLIT.test], logits[SPLIT.test], labels[SPLIT.test] = np.nan, np.nan, 0
    figures, again, _ = calibrate(features, logits, labels, SPLIT)
    assert figures == expected
    np.testing.assert_array_equal(again, means)


def test_new_photos_fall_below_the_quantile_as_promised() -> None:
    rng = np.random.default_rng(0)
    for n in (40, 99, 200):
        draws = rng.normal(size=(4000, n + 1))
        below = [row[-1] < lower_quantile(row[:-1], 0.05) for row in draws]
        assert np.mean(below) == pytest.approx(int(0.05 * (n + 1)) / (n + 1), abs=0.01)


def test_cross_fitted_photos_take_the_place_of_validation_photos() -> None:
    features, logits, labels = data()
    held_out = HeldOut(logits[:250], np.linspace(0, 1, 250), labels[:250], folds=10)
    figures, means, _ = calibrate(features, logits, labels, SPLIT, held_out)
    assert figures == fit_figures(held_out)
    assert (figures.photos, figures.folds) == (250, 10)
    np.testing.assert_array_equal(means, fitted()[0].means)


def familiar(n: int = 120) -> HeldOut:
    rng = np.random.default_rng(7)
    logits, ratios = (rng.normal(m, s, (n, 4)).astype(np.float32) for m, s in ((1, 2), (30, 9)))
    return HeldOut(logits, rng.uniform(0.5, 1, n), rng.integers(0, 4, n), ratios=ratios)


def test_familiarity_weighs_deviations_and_refuses_the_promised_share() -> None:
    held_out = familiar()
    figures = fit_figures(held_out)
    learned, ratios = figures.familiarity, held_out.ratios
    assert learned is not None
    assert ratios is not None
    pairs = zip(held_out.logits.max(1).tolist(), ratios.max(1).tolist(), strict=True)
    scores = np.array([learned.score(*pair) for pair in pairs])
    expected = zscore(ratios.max(1)) + LOGITS * zscore(held_out.logits.max(1))
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert (scores < learned.least - 1e-5).sum() == int(UNFAMILIAR * 121) - 1
    assert Calibration.from_json(figures.to_json(), 4) == figures


def test_where_strangers_are_told_the_other_questions_refuse_less() -> None:
    told, untold = familiar(), replace(familiar(), ratios=None)
    for held_out, refused, doubted in (
        (told, REFUSED_TOO, DOUBTED_TOO),
        (untold, REFUSED, DOUBTED),
    ):
        figures = fit_figures(held_out)
        assert figures.refused == refused
        assert figures.alike == lower_quantile(held_out.alike, refused)
        shares = softmax(held_out.logits / figures.temperature).max(1)
        assert figures.sure == lower_quantile(shares, doubted)


def test_too_few_photos_tell_no_strangers_and_equal_ones_are_no_error() -> None:
    assert fit_figures(familiar(FEW - 1)).familiarity is None
    same = replace(familiar(), ratios=np.full((120, 4), 3.0, np.float32))
    learned = fit_figures(same).familiarity
    assert learned is not None
    assert not learned.is_strange(100.0, 3.0)


def test_few_normal_values_are_bounded_as_promised() -> None:
    """Too few for an order statistic: 3 % of new values fall below, or fewer by the smallest."""
    rng = np.random.default_rng(0)
    for n in (3, 8, 20):
        draws = rng.normal(size=(5_000, n + 1))
        below = np.mean([row[-1] < lower_quantile(row[:-1], 0.03) for row in draws])
        assert 0.01 < below < 0.03 + 0.007


def test_the_bound_by_hand() -> None:
    """Mean 0.2, s = 0.1: with two degrees of freedom, t(0.03) s sqrt(4/3) below the mean."""
    values = np.array([0.3, 0.1, 0.2])
    expected = 0.2 + student.ppf(0.03, 2) * 0.1 * np.sqrt(4 / 3)
    assert lower_quantile(values, 0.03) == pytest.approx(expected)


def test_the_bound_is_never_above_the_smallest() -> None:
    values = np.array([0.9] * 20 + [0.1])
    assert values.mean() + student.ppf(0.03, 20) * values.std(ddof=1) > 0.1
    assert lower_quantile(values, 0.03) == 0.1


def test_a_single_value_bounds_nothing() -> None:
    assert lower_quantile(np.array([0.7]), 0.03) == -1.0


def planted(scale: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose classes are drawn from softmax(logits / scale)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, 5)) * scale
    labels = (softmax(logits / scale).cumsum(1) > rng.random((n, 1))).argmax(1)
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
    assert softmax(logits / found).max() < 0.99


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
