"""What is reported against what is measured, planted."""

from typing import Any

import numpy as np
import pytest

from florascope.doctor.anatomy import Modes
from florascope.doctor.checks import claims
from florascope.doctor.evidence import Answers, Claims, Evidence, Subset
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
