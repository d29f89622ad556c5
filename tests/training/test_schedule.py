"""The learning rate at places where it is known."""

from itertools import pairwise

import pytest

from florascope.training.schedule import warm_cosine


def test_it_rises_evenly_then_falls_as_half_a_cosine() -> None:
    shares = [warm_cosine(step, 100, 0.2) for step in range(100)]
    assert shares[:20] == pytest.approx([(n + 1) / 20 for n in range(20)])
    assert shares[20] == 1.0
    assert shares[60] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(shares[20:]))
    assert warm_cosine(100, 100, 0.2) == pytest.approx(0.0)


def test_without_warm_up_it_starts_at_the_top() -> None:
    assert warm_cosine(0, 10, 0.0) == 1.0
    assert warm_cosine(0, 1, 0.0) == 1.0
