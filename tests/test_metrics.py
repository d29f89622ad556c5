"""Figures by hand, and scikit-learn's for random logits."""

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp
from scipy.special import softmax as scipys_softmax
from scipy.stats import binomtest
from sklearn.metrics import (
    balanced_accuracy_score,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from florascope.metrics import (
    Bounds,
    ClassMetrics,
    Confusion,
    Metrics,
    confusion_matrix,
    cross_entropy,
    log_sum_exp,
    measure,
    most_confused,
    per_class,
    softmax,
    wilson_share,
)


def planted(n: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random logits in which about half of the labels come first, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    labels[:classes] = np.arange(min(n, classes))  # every class is present
    logits = rng.normal(0, 2, (n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += 2
    return logits, labels


def test_three_photos_by_hand() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]))
    labels = np.array([0, 1, 1])
    found = measure(logits, labels)
    assert found.n == 3
    assert found.top1 == pytest.approx(2 / 3)
    assert found.top5 == 1.0
    assert found.mean_class == pytest.approx((1 + 1 / 2) / 2)
    assert found.loss == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.8)) / 3)


@given(seed=st.integers(0, 10**6), classes=st.integers(6, 12))
def test_figures_are_scikit_learns(seed: int, classes: int) -> None:
    logits, labels = planted(60, classes, seed)
    found, k = measure(logits, labels), np.arange(classes)
    probabilities = scipys_softmax(logits.astype(np.float64), axis=1)
    assert found.top1 == pytest.approx((logits.argmax(1) == labels).mean())
    assert found.top5 == pytest.approx(top_k_accuracy_score(labels, logits, k=5, labels=k))
    assert found.mean_class == pytest.approx(balanced_accuracy_score(labels, logits.argmax(1)))
    assert found.loss == pytest.approx(log_loss(labels, probabilities, labels=k), rel=1e-6)


def test_mean_class_leaves_out_classes_without_photos() -> None:
    logits = np.eye(4, dtype=np.float32)[[0, 0, 2]]
    assert measure(logits, np.array([0, 1, 2])).mean_class == pytest.approx(2 / 3)


@pytest.mark.parametrize("classes", [2, 17, 102])
def test_a_uniform_guess_loses_ln_k(classes: int) -> None:
    logits = np.full((5, classes), 3.25, np.float32)
    assert measure(logits, np.arange(5) % classes).loss == pytest.approx(math.log(classes))


@pytest.mark.parametrize("value", [0.0, -7.5, math.nan])
def test_a_dead_network_scores_nothing(value: float) -> None:
    logits = np.full((102, 102), value, np.float32)
    found = measure(logits, np.arange(102))
    assert (found.top1, found.top5, found.mean_class) == (0.0, 0.0, 0.0)


def test_one_nan_is_not_a_right_answer() -> None:
    logits = np.array([[math.nan, 0, 0, 0, 0, 0, 0], [9, math.nan, 0, 0, 0, 0, 0]], np.float32)
    assert measure(logits, np.array([0, 0])).top1 == 0.0


def test_ties_count_against_the_label() -> None:
    logits = np.array([[2.0, 2.0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 0]])
    labels = np.array([0, 0, 0])  # ranks 2, 5 and 6
    found = measure(logits, labels)
    assert found.top1 == 0.0
    assert found.top5 == pytest.approx(2 / 3)


def test_the_fifth_is_within_five_and_the_sixth_is_not() -> None:
    logits = np.tile(np.arange(8.0)[::-1], (2, 1))
    found = measure(logits, np.array([4, 5]))
    assert found.top5 == 0.5


@given(
    rows=st.lists(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4), min_size=1, max_size=6)
)
def test_log_sum_exp_and_softmax_are_scipys(rows: list[list[float]]) -> None:
    logits = np.array(rows)
    assert np.allclose(log_sum_exp(logits), logsumexp(logits, axis=1), rtol=1e-12, atol=1e-12)
    assert np.allclose(softmax(logits), scipys_softmax(logits, axis=1), rtol=1e-9, atol=1e-300)
    labels = np.arange(len(rows)) % 4
    own = -log_softmax(logits, axis=1)[np.arange(len(rows)), labels]
    assert cross_entropy(logits, labels) == pytest.approx(own.mean(), rel=1e-9, abs=1e-9)


def test_large_float32_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, 0.0], [-1e4, 0.0]], np.float32)
    assert log_sum_exp(logits).tolist() == [1e4, 0.0]
    assert cross_entropy(logits, np.array([1, 0])) == pytest.approx(1e4)
    with np.errstate(all="raise"):
        assert softmax(logits).tolist() == [[1.0, 0.0], [0.0, 1.0]]


@given(seed=st.integers(0, 10**6), shift=st.floats(-100, 100))
def test_a_shift_of_all_logits_changes_nothing(seed: int, shift: float) -> None:
    logits, labels = planted(20, 7, seed)
    one, other = measure(logits.astype(float), labels), measure(logits + shift, labels)
    assert one.loss == pytest.approx(other.loss, abs=1e-4)
    assert one.n == other.n


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 9))
def test_classes_are_scikit_learns(seed: int, classes: int) -> None:
    logits, labels = planted(40, classes, seed)
    found = per_class(logits, labels)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, logits.argmax(1), labels=np.arange(classes), zero_division=0
    )
    assert [m.support for m in found] == support.tolist()
    assert np.allclose([m.precision for m in found], precision)
    assert np.allclose([m.recall for m in found], recall)
    assert np.allclose([m.f1 for m in found], f1)


def test_a_class_never_shown_nor_answered() -> None:
    logits = np.array([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0]])
    assert per_class(logits, np.array([0, 1])) == [
        ClassMetrics(support=1, recall=1.0, precision=0.5, f1=2 / 3),
        ClassMetrics(support=1, recall=0.0, precision=0.0, f1=0.0),
        ClassMetrics(support=0, recall=0.0, precision=0.0, f1=0.0),
    ]


def test_json_values() -> None:
    found = Metrics(2, 0.5, 1.0, 0.25, 0.7)
    values = found.to_json()
    assert Metrics.from_json(values) == found
    assert values.pop("top1_interval") == pytest.approx(
        binomtest(1, 2).proportion_ci(method="wilson")
    )
    assert Metrics.from_json(values) == found  # of version 0.2
    assert values == {
        "n": 2,
        "top1": 0.5,
        "top5": 1.0,
        "mean_class": 0.25,
        "loss": 0.7,
    }


def test_three_right_of_three_are_no_certainty() -> None:
    """Wilson's lower end of n in n is n / (n + z^2), 3 / 6.84 here."""
    found = Metrics(3, 1.0, 1.0, 1.0, 0.1)
    assert found.cells() == ("3", "100.00 %", "43.9 to 100.0 %", "100.00 %", "100.00 %", "0.1000")
    assert found.cells(learned=True)[2] == ""


def answering(predicted: list[int], classes: int) -> np.ndarray:
    """Logits that answer with the given classes."""
    return np.eye(classes, dtype=np.float32)[predicted]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=80),
    seed=st.integers(0, 99),
)
def test_the_matrix_is_scikit_learns(pairs: list[tuple[int, int]], seed: int) -> None:
    true, predicted = (list(part) for part in zip(*pairs, strict=True))
    noise = np.random.default_rng(seed).uniform(0, 0.5, (len(pairs), 6))
    found = confusion_matrix(answering(predicted, 6) + noise, np.array(true))
    assert np.array_equal(
        found, sklearn.metrics.confusion_matrix(true, predicted, labels=np.arange(6))
    )


def test_the_matrix_by_hand() -> None:
    found = confusion_matrix(answering([0, 1, 1, 2], 3), np.array([0, 0, 1, 0]))
    assert found.tolist() == [[1, 1, 1], [0, 1, 0], [0, 0, 0]]


def test_the_most_frequent_error_comes_first() -> None:
    #          class 0: four photos  class 1: two  class 2: six
    true = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]
    predicted = [1, 1, 0, 2, 0, 1, 1, 1, 1, 2, 2, 0]
    assert most_confused(answering(predicted, 3), np.array(true)) == [
        Confusion(true=2, predicted=1, count=3, share=0.5),
        Confusion(true=0, predicted=1, count=2, share=0.5),
        Confusion(true=1, predicted=0, count=1, share=0.5),
        Confusion(true=0, predicted=2, count=1, share=0.25),
        Confusion(true=2, predicted=0, count=1, share=1 / 6),
    ]


def test_equal_errors_keep_the_order_of_the_classes() -> None:
    found = most_confused(answering([1, 2, 2, 0], 3), np.array([0, 0, 1, 1]))
    assert [(c.true, c.predicted) for c in found] == [(0, 1), (0, 2), (1, 0), (1, 2)]


def test_a_limit_cuts_the_rarest() -> None:
    found = most_confused(answering([1, 1, 2], 3), np.array([0, 0, 0]), limit=1)
    assert found == [Confusion(0, 1, 2, 2 / 3)]


def test_right_answers_are_no_confusions() -> None:
    assert most_confused(answering([0, 1, 2], 4), np.array([0, 1, 2])) == []


@pytest.mark.parametrize(("right", "n"), [(0, 10), (43, 819), (7, 10), (772, 819), (10, 10)])
def test_wilson_is_scipys(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(method="wilson")
    assert wilson_share(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_trials_nothing_is_known() -> None:
    assert wilson_share(0.5, 0) == (0.0, 1.0)


def test_an_interval_holds_its_bounds_and_what_lies_between() -> None:
    interval = Bounds(0.2, 0.4)
    held = [v for v in (0.19, 0.2, 0.3, 0.4, 0.41) if interval.holds(v)]
    assert held == [0.2, 0.3, 0.4]
