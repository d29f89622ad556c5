"""Checks of the loop on planted traces and batches."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Network, Traces
from florascope.doctor.checks import exchange, loop
from florascope.doctor.evidence import Answers, Drawn, Evidence
from florascope.doctor.trials import Exchange, Loop, Substitution

K = 4


def run(right: float, **more: Any) -> Evidence:
    labels = np.arange(100) % K
    said = np.where(np.arange(100) < 100 * right, labels, (labels + 1) % K)
    answers = Answers(labels, np.eye(K)[said], np.zeros((100, 2)))
    return Evidence(K, val_answers=answers, substitution=Substitution(0.9), **more)


def bad(traces: Traces) -> Evidence:
    return run(0.25, traces=traces, network=Network(("a", "b"), ("a", "b")))


def good(traces: Traces) -> Evidence:
    return run(0.9, traces=traces, network=Network(("a", "b"), ("a", "b")))


@pytest.mark.parametrize(
    ("check", "traces", "cause"),
    [
        (loop.finite, Traces(not_finite=("a",)), loop.NOT_FINITE),
        (loop.stepped, Traces(steps=0, gradient_left=1.0, as_made=True), exchange.LOOP),
        (loop.stepped, Traces(as_made=True), exchange.LOOP),
        (loop.zeroed, Traces(gradient_left=11.0, gradient_fresh=1.0), loop.PILED_UP),
        (loop.clipped, Traces(gradient_left=0.01, gradient_fresh=1.0, as_made=True), loop.CLIPPED),
        (loop.reached, Traces(unreached=("b",)), loop.UNREACHED),
        (loop.alive, Traces(dead=("b",)), loop.DEAD),
        (loop.otherwise, Traces(otherwise=True), loop.ANEW),
        (loop.precise, Traces(narrow=("a",)), exchange.HALVES),
    ],
)
def test_a_trace_of_a_run_that_lost_something(check: Any, traces: Traces, cause: str) -> None:
    found = check(bad(traces))
    assert found is not None
    assert found.cause == cause
    assert found.severity == "error"


@pytest.mark.parametrize(
    ("check", "traces"),
    [
        (loop.finite, Traces()),
        (loop.stepped, Traces(steps=9, as_made=True)),
        (loop.stepped, Traces(steps=0, as_made=False)),
        (loop.zeroed, Traces(gradient_left=9.0, gradient_fresh=1.0)),
        (loop.zeroed, Traces(gradient_left=9.0)),
        (loop.clipped, Traces(gradient_left=0.1, gradient_fresh=1.0, as_made=True)),
        (loop.clipped, Traces(gradient_left=0.01, gradient_fresh=1.0, as_made=False)),
        (loop.reached, Traces()),
        (loop.alive, Traces()),
        (loop.otherwise, Traces(otherwise=False)),
        (loop.precise, Traces()),
    ],
)
def test_sound_traces(check: Any, traces: Traces) -> None:
    assert check(bad(traces)) is None


@pytest.mark.parametrize(
    ("check", "traces"),
    [
        (loop.stepped, Traces(steps=0, gradient_left=1.0, as_made=True)),
        (loop.zeroed, Traces(gradient_left=99.0, gradient_fresh=1.0)),
        (loop.clipped, Traces(gradient_left=0.001, gradient_fresh=1.0)),
        (loop.alive, Traces(dead=("b",))),
        (loop.otherwise, Traces(otherwise=True)),
        (loop.precise, Traces(narrow=("a",))),
    ],
)
def test_a_run_that_performs_refutes_its_traces(check: Any, traces: Traces) -> None:
    assert check(good(traces)) is None


def test_what_is_left_out_of_the_optimizer_needs_no_gradient() -> None:
    evidence = run(0.25, traces=Traces(unreached=("b",)), network=Network(("a", "b"), ("a",)))
    assert loop.reached(evidence) is None


def drawn(labels: Any, size: int = 8, distinct: int | None = None, there: Any = None) -> Evidence:
    every = np.asarray(labels, np.int64)
    batches = tuple(every[i : i + size] for i in range(0, len(every), size))
    there = None if there is None else np.asarray(there, np.int64)
    return Evidence(K, drawn=Drawn(batches, len(every) if distinct is None else distinct, there))


MIXED = np.random.default_rng(0).permutation(np.repeat(np.arange(K), 16))


def test_photos_sorted_by_class() -> None:
    found = loop.shuffled(drawn(np.sort(MIXED)))
    assert found is not None
    assert "a batch holds 1.0 classes" in found.found
    assert loop.shuffled(drawn(MIXED)) is None


def test_one_class_or_one_batch_cannot_be_sorted() -> None:
    assert loop.shuffled(drawn(np.zeros(32))) is None
    assert loop.shuffled(drawn(np.sort(MIXED), size=64)) is None


def test_several_photos_of_a_class_in_each_batch_are_no_sorting() -> None:
    groups = [k for start in range(8) for k in (start % K, (start + 1) % K) for _ in range(4)]
    assert loop.shuffled(drawn(groups)) is None


def test_classes_that_the_sampler_hardly_draws() -> None:
    few = np.random.default_rng(0).permutation([0] * 40 + [1] * 22 + [2, 3])
    found = loop.balanced(drawn(few, there=MIXED))
    assert found is not None
    assert "classes 2, 3" in found.found
    assert loop.balanced(drawn(MIXED, there=MIXED)) is None


def test_even_draws_from_uneven_classes_are_sound() -> None:
    uneven = [0] * 50 + [1] * 8 + [2] * 4 + [3] * 2
    assert loop.balanced(drawn(MIXED, there=uneven)) is None
    assert loop.balanced(drawn(np.random.default_rng(0).permutation(uneven), there=uneven)) is None


def test_the_same_batch_again_and_again() -> None:
    found = loop.different(drawn(np.tile([0, 1, 2, 3, 0, 1, 2, 3], 6), distinct=8))
    assert found is not None
    assert found.found.startswith("8 different photos among 48 drawn")
    assert loop.different(drawn(MIXED, distinct=40)) is None  # drawn with replacement: 63 %


@pytest.mark.parametrize(
    ("steps", "own", "told"), [(9, 0.9, True), (200, 0.9, False), (9, 0.1, False)]
)
def test_few_steps_of_sound_parts(steps: int, own: float, told: bool) -> None:
    trial = Substitution(0.9, "network", Exchange(0.9, {"optimizer": own}, 0.9, {}))
    found = loop.short(replace(run(0.25, traces=Traces(steps=steps)), substitution=trial))
    assert (found is not None) is told
    assert found is None or "made only 9 steps" in found.found


@pytest.mark.parametrize(
    ("losses", "told", "warns"),
    [
        ((1.7, 1.2), (0.4, 0.6), True),
        ((1.7, 1.2), (0.6, 0.6), False),  # val has stopped rising
        ((1.3, 1.2), (0.4, 0.6), False),  # the loss levels out
        ((1.0, 0.3), (0.4, 0.6), False),  # hardly anything is left
        ((1.2,), (0.6,), False),
    ],
)
def test_a_history_that_ends_on_the_slope(
    losses: tuple[float, ...], told: tuple[float, ...], *, warns: bool
) -> None:
    rows = [{"train_loss": a, "val_top1": b} for a, b in zip(losses, told, strict=True)]
    found = loop.short(Evidence(K, loop=Loop(history=tuple(rows))))
    assert (found is not None) is warns
    assert found is None or found.severity == "warning"
