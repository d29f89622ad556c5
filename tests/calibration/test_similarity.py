"""Cosines against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from florascope.calibration.similarity import class_means, nearest, similarities
from florascope.errors import ExplanationError


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


def test_by_angle_not_by_length_within_the_choice() -> None:
    angles = np.radians([0, 10, 20, 80])
    features = np.stack([np.cos(angles), np.sin(angles)], 1) * [[1], [9], [1], [3]]
    found = nearest(features, np.array([0.0, 5.0]), np.array([3, 0, 1]), 2)
    assert found.tolist() == [3, 1]


def test_ties_go_to_the_first() -> None:
    found = nearest(np.ones((3, 2)), np.ones(2), np.array([2, 0, 1]), 3)
    assert found.tolist() == [2, 0, 1]


def test_no_photos() -> None:
    with pytest.raises(ExplanationError, match="no photos to compare with"):
        nearest(np.ones((3, 2)), np.ones(2), np.array([], np.int64), 3)
