"""Sets against crepes, by hand, and by the coverage that they promise."""

import numpy as np
from crepes import ConformalClassifier

from florascope.calibration.conformal import balanced_thresholds, class_coverage, prediction_sets


def draw(counts: list[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of photos whose classes differ in frequency and in difficulty."""
    labels = np.repeat(np.arange(len(counts)), counts)
    difficulty = np.linspace(0.2, 2.0, len(counts))
    logits = rng.normal(0, 1, (len(labels), len(counts)))
    logits[np.arange(len(labels)), labels] += 2.5 / difficulty[labels]
    weights = np.exp(logits)
    return weights / weights.sum(1, keepdims=True), labels


def test_equal_counts_give_crepes_sets() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = draw([12] * 5, rng)
    fresh, _ = draw([40] * 5, rng)
    classifier = ConformalClassifier()
    classifier.fit(1 - probabilities[np.arange(60), labels])
    peers = classifier.predict_set(1 - fresh, confidence=0.9, smoothing=False).astype(bool)
    ours = prediction_sets(fresh, balanced_thresholds(probabilities, labels, 0.9))
    top = np.eye(5, dtype=bool)[fresh.argmax(1)]
    np.testing.assert_array_equal(ours, peers | top)


def test_weights_by_hand() -> None:
    """Class 0 has two photos of weight 1/2, class 1 one of weight 1: scores 0.1, 0.2; 0.3.

    For class 0 a share of 0.6 wants 0.6 (2 + 1/2) = 1.5, reached at 0.3 (0.5, 1, 2); for class 1
    it wants 0.6 (2 + 1) = 1.8, likewise. A share of 0.4 wants exactly 1.0 for class 0: 0.2.
    """
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    labels = np.array([0, 0, 1])
    np.testing.assert_allclose(balanced_thresholds(probabilities, labels, 0.6), [0.3, 0.3])
    np.testing.assert_allclose(balanced_thresholds(probabilities, labels, 0.4), [0.2, 0.3])


def test_too_few_photos_promise_nothing() -> None:
    probabilities, labels = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 1])
    thresholds = balanced_thresholds(probabilities, labels, 0.9)
    np.testing.assert_array_equal(thresholds, [1.0, 1.0])
    assert prediction_sets(np.array([[1.0, 0.0]]), thresholds).all()


def test_a_class_without_photos_counts_as_one_with_one() -> None:
    probabilities, labels = draw([30, 30, 1], np.random.default_rng(1))
    absent = balanced_thresholds(probabilities[:60], labels[:60], 0.8)
    order = np.sort(1 - probabilities[np.arange(60), labels[:60]])
    # 0.8 (2 + 1) = 2.4 of 2: more than there is
    assert absent[2] == 1.0
    # 0.8 (2 + 1/30) in steps of 1/30: the 49th
    assert absent[0] == absent[1] == order[48]


def test_coverage_averaged_over_classes_is_kept() -> None:
    """Rare classes are the difficult ones here: the marginal quantile would miss them."""
    rng = np.random.default_rng(2)
    counts = [60, 30, 15, 8, 4]
    ours, marginal = [], []
    for _ in range(300):
        probabilities, labels = draw(counts, rng)
        fresh, truth = draw([20] * 5, rng)
        thresholds = balanced_thresholds(probabilities, labels, 0.8)
        ours.append(class_coverage(fresh >= 1 - thresholds, truth).mean())
        scores = np.sort(1 - probabilities[np.arange(len(labels)), labels])
        common = scores[int(np.ceil(0.8 * (len(scores) + 1))) - 1]
        marginal.append(class_coverage(fresh >= 1 - common, truth).mean())
    assert np.mean(ours) >= 0.795  # 0.8 within 300 draws
    assert np.mean(marginal) < 0.75


def test_a_set_is_never_empty() -> None:
    sets = prediction_sets(np.array([[0.4, 0.35, 0.25]]), np.zeros(3))
    np.testing.assert_array_equal(sets, [[True, False, False]])


def test_class_coverage_by_hand() -> None:
    sets = np.array([[True, False, False], [True, True, False], [True, False, False]])
    np.testing.assert_array_equal(
        class_coverage(sets, np.array([0, 1, 1])), np.array([1.0, 0.5, np.nan])
    )
