"""Photos worth a label, against brute force and planted clusters."""

import itertools

import numpy as np
import pytest

from florascope.health import labelling
from florascope.health.labelling import worth_labelling


def clusters(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Photos around axes of their own, by cluster."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(len(sizes), 8)[labels] + rng.normal(0, 0.05, (len(labels), 8)), labels


def value(features: np.ndarray, doubts: np.ndarray, chosen: tuple[int, ...]) -> float:
    centred = features - features.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return float((0.2 + 0.8 * doubts) @ (unit @ unit[list(chosen)].T).max(1))


def test_each_cluster_gets_a_label_the_largest_first() -> None:
    features, labels = clusters((30, 20, 10, 5))
    chosen = worth_labelling(features, np.ones(65), np.empty((0, 8)), 4)
    assert labels[chosen].tolist() == [0, 1, 2, 3]


def test_what_is_labelled_or_certain_needs_none() -> None:
    features, labels = clusters((30, 20, 10))
    assert labels[worth_labelling(features, np.ones(60), features[:1], 1)] == [1]
    assert labels[worth_labelling(features, (labels == 2).astype(float), features[:1], 1)] == [2]


def test_it_is_the_plain_greedy_choice_and_near_the_best() -> None:
    rng = np.random.default_rng(1)
    features, doubts = rng.normal(size=(24, 5)), rng.random(24)
    chosen = worth_labelling(features, doubts, np.empty((0, 5)), 3)
    plain: tuple[int, ...] = ()
    for _ in range(3):
        rest = (k for k in range(24) if k not in plain)
        plain = (*plain, max(rest, key=lambda k: value(features, doubts, (*plain, k))))
    assert tuple(chosen.tolist()) == plain
    best = max(value(features, doubts, c) for c in itertools.combinations(range(24), 3))
    assert value(features, doubts, plain) > 0.9 * best


def test_there_are_never_more_than_photos_nor_the_same_twice() -> None:
    features, _ = clusters((3, 2))
    assert sorted(worth_labelling(features, np.ones(5), features[:0], 9).tolist()) == [*range(5)]
    assert len(worth_labelling(features[:0], np.ones(0), features[:0], 9)) == 0


def test_of_many_photos_a_sample_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "MOST", 20)
    features, labels = clusters((40, 40))
    chosen = worth_labelling(features, np.ones(80), features[:0], 2, seed=3)
    assert set(labels[chosen].tolist()) == {0, 1}
