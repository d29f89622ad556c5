"""Confusions by hand, and scikit-learn's matrix."""

import numpy as np
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from florascope.evaluation.confusions import Confusion, confusion_matrix, most_confused


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
