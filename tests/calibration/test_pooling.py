"""Pooled logits: what they are in closed form, and exponents that were planted."""

import numpy as np
import pytest

from florascope.calibration.pooling import alike_groups, fit_exponent, pooled
from florascope.metrics import softmax


def test_exponent_0_is_the_mean_and_1_the_product_of_probabilities() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (3, 5))
    np.testing.assert_allclose(pooled(logits, 0.0), logits.mean(0))
    product = softmax(logits).prod(0)
    np.testing.assert_allclose(softmax(pooled(logits, 1.0)[None])[0], product / product.sum())


@pytest.mark.parametrize("exponent", [0.0, 0.4, 1.0])
def test_one_photo_is_itself(exponent: float) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (1, 5))
    np.testing.assert_allclose(pooled(logits, exponent), logits[0])


def test_groups_are_of_one_class_and_as_alike_as_they_can_be() -> None:
    rng = np.random.default_rng(2)
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    logits = rng.normal(0, 1, (8, 4))
    groups = alike_groups(logits, labels, 2)
    assert groups.members[:, 0].tolist() == list(range(7))  # class 2 has one photo
    assert groups.labels.tolist() == labels[:7].tolist()
    for one, other in groups.members.tolist():
        cosines = {
            k: np.corrcoef(logits[one], logits[k])[0, 1]  # the cosine of what is left of the mean
            for k in np.flatnonzero(labels == labels[one]).tolist()
            if k != one
        }
        assert other == max(cosines, key=lambda k: cosines[k])


def test_classes_of_too_few_photos_have_no_groups() -> None:
    groups = alike_groups(np.eye(3), np.arange(3), 2)
    assert groups.members.shape == (0, 2)
    assert groups.labels.shape == (0,)


def planted(*, copies: bool) -> tuple[np.ndarray, np.ndarray]:
    """Five photos a class with x ~ N(m e_y, 1): m x are the exact log-odds of one photo.

    Copies of one photo are as sure as it is, whereas draws of their own multiply.
    """
    classes, photos, m = 200, 5, 3.0
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, (classes, 1 if copies else photos, classes))
    seen = m * np.eye(classes)[:, None, :] + noise + np.zeros((classes, photos, classes))
    return m * seen.reshape(-1, classes), np.repeat(np.arange(classes), photos)


def test_copies_of_a_photo_add_nothing() -> None:
    assert fit_exponent(*planted(copies=True), 1.0) <= 0.1


def test_independent_photos_count_one_by_one() -> None:
    assert fit_exponent(*planted(copies=False), 1.0) >= 0.8


def test_few_photos_promise_nothing() -> None:
    """However right they are, four photos leave the exponent at 0."""
    logits = np.array([[4.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 4.0]])
    assert fit_exponent(logits, np.array([0, 0, 1, 1]), 1.0) == 0.0
