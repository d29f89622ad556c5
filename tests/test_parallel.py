"""Results in order, and never more calls in flight than the window."""

import threading
import time
from collections.abc import Iterator

import pytest

from florascope.parallel import AHEAD, in_order


def test_results_come_in_the_items_order_whoever_is_first() -> None:
    def slow_when_even(item: int) -> int:
        time.sleep(0.01 * (item % 2 == 0))
        return item * item

    assert list(in_order(slow_when_even, range(40), workers=4)) == [i * i for i in range(40)]


def test_items_are_taken_no_further_than_the_window() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = in_order(str, items(), workers=3)
    for consumed in range(1, 51):
        next(results)
        assert len(taken) <= AHEAD * 3 + consumed
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 100


def test_calls_run_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)
    assert list(in_order(lambda _: together.wait() >= 0, range(3), workers=3)) == [True] * 3


def test_a_failure_is_raised_in_its_turn_and_ends_the_work() -> None:
    started: list[int] = []

    def third_fails(item: int) -> int:
        started.append(item)
        return item // (item - 2)

    results = in_order(third_fails, range(1000), workers=2)
    assert [next(results), next(results)] == [0, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(started) < 20


def test_nothing_gives_nothing() -> None:
    assert list(in_order(str, [])) == []
