"""Cosines against scikit-learn and by hand."""

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity

from florascope.evaluation.similarity import class_means, similarities


def test_cosines_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    features = rng.uniform(0, 1, (20, 6)).astype(np.float32)
    labels = np.arange(20) % 3
    means = class_means(features, labels, 3)
    plain = np.stack([features[labels == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(
        similarities(features, means), cosine_similarity(features, plain), atol=1e-6
    )


def test_means_have_length_one_and_absent_classes_none() -> None:
    means = class_means(np.array([[3.0, 4.0], [3.0, 4.0]]), np.array([1, 1]), 3)
    np.testing.assert_allclose(means, np.array([[0, 0], [0.6, 0.8], [0, 0]]), rtol=1e-6)
    assert means.dtype == np.float32


def test_a_photo_without_features_resembles_nothing() -> None:
    means = class_means(np.eye(2), np.array([0, 1]), 2)
    np.testing.assert_array_equal(similarities(np.zeros((1, 2)), means), [[0, 0]])
