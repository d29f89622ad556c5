"""The quick probe: equal to scikit-learn's discriminant, fair out of fold."""

import numpy as np
import pytest
from sklearn.covariance import ShrunkCovariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from florascope.data.splits import deal_folds
from florascope.doctor.evidence import Answers
from florascope.health.quick_probe import (
    FOLDS,
    SHRINKAGE,
    Discriminant,
    QuickProbe,
    confident_joint,
    noise_rate,
    out_of_fold,
    suspects,
)


def blobs(n: int, c: int, K: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(99).normal(0, 1, (K, c))
    labels = np.arange(n) % K
    noise = np.random.default_rng(seed).normal(0, 1, (n, c))
    return (centres[labels] + noise).astype(np.float32), labels


@pytest.mark.parametrize(("n", "c"), [(200, 6), (40, 60)])
def test_it_is_the_shrunk_discriminant(n: int, c: int) -> None:
    features, labels = blobs(n, c)
    estimator = ShrunkCovariance(shrinkage=SHRINKAGE, assume_centered=True)
    peer = LinearDiscriminantAnalysis(
        solver="lsqr", covariance_estimator=estimator, priors=np.full(4, 0.25)
    )
    means = np.stack([features[labels == k].mean(0) for k in range(4)])
    pooled = estimator.fit(features - means[labels]).covariance_
    weight = np.linalg.solve(pooled, means.T)
    scores = features @ weight - 0.5 * (means.T * weight).sum(0)
    ours = Discriminant.fit(features, labels, 4)(features)
    np.testing.assert_allclose(ours, scores, rtol=2e-2, atol=2e-2)
    agree = (ours.argmax(1) == peer.fit(features, labels).predict(features)).mean()
    assert agree > 0.9


def test_a_class_without_photos_is_never_named() -> None:
    features, labels = blobs(60, 5)
    scores = Discriminant.fit(features, labels, 6)(features)
    assert scores.argmax(1).max() < 4
    assert np.isneginf(scores[:, 4:]).all()


def test_out_of_fold_learns_nothing_from_noise() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(0, 1, (300, 100)).astype(np.float32)
    labels = draw.integers(0, 3, 300)
    probabilities = out_of_fold(features, labels, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert abs((probabilities.argmax(1) == labels).mean() - 1 / 3) < 0.12
    assert probabilities.max(1).mean() < 0.5  # and the temperature says that it knows nothing


@pytest.mark.parametrize(("n", "c"), [(200, 12), (40, 60)])
def test_out_of_fold_is_a_fit_to_the_other_folds(n: int, c: int) -> None:
    """Whether sums of a fold are taken off those of all, or photos are looked at anew."""
    features, labels = blobs(n, c)
    labels[:3] = 4  # fewer photos of a class than folds
    fold = deal_folds(labels, FOLDS)
    probabilities = out_of_fold(features, labels, 5)
    scores = np.empty((n, 5))
    for number in range(FOLDS):
        rest, asked = fold != number, fold == number
        scores[asked] = Discriminant.fit(features[rest], labels[rest], 5)(features[asked])
    slopes = np.diff(np.log(probabilities), axis=1)
    steps = np.diff(np.maximum(scores, scores[np.isfinite(scores)].min() - 1), axis=1)
    temperature = (steps / slopes).mean()
    np.testing.assert_allclose(slopes * temperature, steps, rtol=1e-3, atol=1e-3)


def answers(n: int, seed: int) -> Answers:
    features, labels = blobs(n, 8, seed=seed)
    return Answers(labels, np.zeros((n, 4), np.float32), features)


def test_a_probe_knows_what_features_are_worth() -> None:
    probe = QuickProbe.fit(answers(200, 0), answers(80, 1), 4)
    assert probe is not None
    assert probe.val_top1 > 0.8
    assert probe.train_top1 > 0.8
    assert probe.own_val_top1 > 0.7


@pytest.mark.parametrize("what", ["few", "outside", "infinite"])
def test_no_probe_where_it_cannot_be(what: str) -> None:
    train, val = answers(40, 0), answers(40, 1)
    if what == "few":
        val = answers(8, 1)
    if what == "outside":
        val.labels[0] = 4
    if what == "infinite":
        train.features[0, 0] = np.inf
    assert QuickProbe.fit(train, val, 4) is None


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
