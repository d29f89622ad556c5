"""What is reported against what is measured, planted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Modes
from florascope.doctor.checks import claims
from florascope.doctor.evidence import Answers, Claims, Evidence, Subset
from florascope.doctor.properties import NAMES, Pictures
from florascope.doctor.trials import Loop

K = 8


def answers(right: list[bool], batches: tuple[int, ...] = ()) -> Answers:
    labels = np.arange(len(right)) % K
    said = np.where(right, labels, (labels + 1) % K)
    return Answers(labels, np.eye(K)[said] * 9, np.zeros((len(right), 2)), batches)


HALF = [True, False] * 16
LAST = answers([*HALF, *HALF, *[True] * 15, False], (32, 32, 16))


def told(val_top1: float, val: Answers = LAST, **more: Any) -> Any:
    whole = more.pop("subset", None)
    figures = Claims({"val_top1": val_top1})
    evidence = Evidence(K, val=whole, val_answers=val, claims=figures, **more)
    return claims.otherwise(evidence)


def test_accuracy_of_the_last_batch_alone() -> None:
    found = told(15 / 16)
    assert found is not None
    assert found.severity == "error"
    assert "the last batch alone gives 93.8%" in found.found


def test_any_other_figure_is_a_warning() -> None:
    found = told(0.8)
    assert found is not None
    assert found.severity == "warning"


@pytest.mark.parametrize("reported", [LAST.top1, LAST.top1 - 0.05])
def test_the_measured_figure_passes(reported: float) -> None:
    assert told(reported) is None


def test_the_best_epochs_network_may_differ_from_the_last() -> None:
    rows = ({"val_top1": LAST.top1}, {"val_top1": 0.3})
    assert told(0.3, loop=Loop(history=rows)) is None


def test_of_all_photos_asked_nothing_is_left_to_chance() -> None:
    whole = Subset(len(LAST.labels), LAST.labels)
    assert told(LAST.top1 - 0.06) is None
    found = told(LAST.top1 - 0.06, val=LAST, subset=whole)
    assert found.severity == "warning"
    assert told(LAST.top1 + 0.12, subset=whole).severity == "error"


def test_a_best_figure_of_weights_that_were_not_kept() -> None:
    rows = ({"val_top1": LAST.top1}, {"val_top1": 0.95})
    assert told(0.95, loop=Loop(history=rows)) is not None


def trained(told: float, measured: float, **more: Any) -> Any:
    right = (np.arange(100) < 100 * measured).tolist()
    history = Loop(history=({"train_top1": told},))
    return claims.trained_on(Evidence(K, train_answers=answers(right), loop=history, **more))


def test_a_history_of_other_photos() -> None:
    found = trained(1.0, 0.5)
    assert found is not None
    assert "train accuracy is 100%, but on the train loader's photos the network reaches 50%" in (
        found.found
    )


@pytest.mark.parametrize(("reported", "measured"), [(0.6, 0.9), (0.9, 0.85), (1.0, 0.85)])
def test_augmentation_and_moving_weights_change_it(reported: float, measured: float) -> None:
    assert trained(reported, measured) is None


def test_statistics_that_are_off_explain_it() -> None:
    labels = np.arange(16) % K
    good, bad = np.eye(K)[labels], np.eye(K)[(labels + 1) % K]
    assert trained(1.0, 0.2, modes=Modes(False, labels, bad, bad, good)) is None  # noqa: FBT003


def test_a_history_that_is_far_below_what_is_measured_is_a_claim_too() -> None:
    rows = ({"val_top1": 0.2}, {"val_top1": 0.3})
    seen = Evidence(K, val_answers=LAST, loop=Loop(history=rows))
    found = claims.otherwise(seen)
    assert found is not None
    assert found.found.startswith(f"30.0% reported, {LAST.top1:.1%} measured")
    near = ({"val_top1": LAST.top1 - 0.1}, {"val_top1": 0.3})  # the kept weights may be better
    assert claims.otherwise(Evidence(K, val_answers=LAST, loop=Loop(history=near))) is None


def test_a_history_of_another_network() -> None:
    right = (np.arange(100) < 20).tolist()
    history = Loop(history=({"train_top1": 0.9, "val_top1": 0.7},))
    asked: dict[str, Any] = {
        "train_answers": answers(right),
        "val_answers": answers(right),
        "loop": history,
    }
    found = claims.trained_on(Evidence(K, **asked))
    assert found is not None
    assert found.cause == "weights are initialised again, or another network is evaluated"
    assert "90% of train and 70% of val right; this network has 20% and 20%" in found.found


def ranked(right: int, second: int, wrong: int, shift: int = 0) -> Answers:
    """Answers of which some are right, some are right with their second guess."""
    n = right + second + wrong
    labels = (np.arange(n) + shift) % K
    first = np.where(np.arange(n) < right, labels, (labels + 1) % K)
    next_ = np.where(np.arange(n) < right + second, labels, (labels + 2) % K)
    outputs = np.eye(K)[first] * 9 + np.eye(K)[next_] * 5
    return Answers(labels, outputs, np.zeros((n, 2)))


def on_train(told: float, val: Answers, train: Answers, **more: Any) -> Any:
    claimed = Claims({"val_top1": told}, **more)
    evidence = Evidence(K, train_answers=train, val_answers=val, claims=claimed)
    return claims.measured_on_train(evidence), claims.otherwise(evidence)


def test_an_accuracy_of_two_guesses_was_not_measured_on_train() -> None:
    on, counted = on_train(0.85, ranked(60, 25, 15), ranked(87, 0, 13))
    assert on is None
    assert "top-2 gives 85.0%" in counted.found
    on, _ = on_train(0.92, ranked(60, 20, 20), ranked(92, 0, 8))
    assert on is not None
    on, _ = on_train(0.92, ranked(60, 20, 20), ranked(92, 0, 8), half=1.0)
    assert on is None


def by_parts(reported: float, *parts: float, of: int = 20) -> Evidence:
    right = [i < part * of for part in parts for i in range(of)]
    val = answers(right, (of,) * len(parts))
    whole = Subset(len(right), val.labels)
    return Evidence(K, val=whole, val_answers=val, claims=Claims({"val_top1": reported}))


def test_an_accuracy_of_one_batch_is_not_one_of_shuffled_labels() -> None:
    last = by_parts(0.1, 0.9, 0.9, 0.1)
    assert claims.shuffled(last) is None
    assert "the last batch alone gives 10.0%" in str(claims.otherwise(last))
    middle = by_parts(0.35, 0.9, 0.35, 0.9)
    assert "batch 2 alone gives 35.0%" in str(claims.otherwise(middle))
    dealt = by_parts(0.12, 0.9, 0.9, 0.9)
    assert claims.shuffled(dealt) is not None


def test_batches_of_a_sample_are_not_those_of_val() -> None:
    sample = by_parts(0.1, 0.9, 0.9, 0.1)
    told = replace(sample, val=Subset(1000, np.zeros(1000, np.int64)))
    assert claims.shuffled(told) is not None


def against_fresh(val: Answers, test: Answers, *rows: float, **more: Any) -> Any:
    loop = Loop(history=tuple({"val_top1": row} for row in rows))
    return claims.fresh(Evidence(K, val_answers=val, test_answers=test, loop=loop, **more))


def test_val_far_above_fresh_photos_was_trained_on() -> None:
    found = against_fresh(ranked(180, 0, 20), ranked(240, 0, 160), 0.7, 0.9)
    assert found is not None
    assert (found.cause, found.severity) == (claims.LEARNED, "error")
    assert "90.0% of 200 val photos" in found.found
    weaker = against_fresh(ranked(48, 0, 12), ranked(120, 0, 80), 0.7, 0.8)
    assert weaker.severity == "warning"  # (0.8 - 0.6) / sqrt(0.229 / 60 + 0.229 / 200) = 2.84
    assert against_fresh(ranked(45, 0, 15), ranked(120, 0, 80), 0.7, 0.75) is None
    assert against_fresh(ranked(150, 0, 50), ranked(270, 0, 130), 0.6, 0.75) is None


def test_the_best_of_many_epochs_is_above_fresh_photos() -> None:
    val, test = ranked(50, 0, 10), ranked(260, 0, 140)
    assert against_fresh(val, test, 0.7, 50 / 60) is not None
    assert against_fresh(val, test, *[0.7] * 20, 50 / 60, *[0.7] * 9) is None
    assert against_fresh(val, test) is None  # nothing is known of the epochs


def test_a_class_that_test_has_more_of_explains_a_difference() -> None:
    labels = np.repeat([0, 1], [150, 50])
    val = Answers(labels, np.eye(K)[np.where(labels == 0, 0, 2)], np.zeros((200, 2)))
    labels = np.repeat([0, 1], [50, 150])
    test = Answers(labels, np.eye(K)[np.where(labels == 0, 0, 2)], np.zeros((200, 2)))
    assert (val.top1, test.top1) == (0.75, 0.25)
    assert against_fresh(val, test, 0.75) is None


def test_test_photos_of_another_kind_are_named_as_such() -> None:
    rng = np.random.default_rng(0)
    bright, dark = (Pictures(rng.random((200, len(NAMES))) + x, np.zeros(200, int)) for x in (2, 0))
    pictures = {"val_pictures": bright, "test_pictures": dark}
    found = against_fresh(ranked(180, 0, 20), ranked(120, 0, 80), 0.9, **pictures)
    assert (found.cause, found.severity) == (claims.OTHER_TEST, "warning")
