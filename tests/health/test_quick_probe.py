"""The quick probe: equal to scikit-learn's discriminant, fair out of fold."""

import numpy as np
import pytest
from sklearn.covariance import ShrunkCovariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from florascope.doctor.evidence import Answers
from florascope.health.quick_probe import SHRINKAGE, Discriminant, QuickProbe, out_of_fold


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
