"""The rules that choose photos, on planted answers."""

from dataclasses import replace

import numpy as np

from florascope.report.choice import Choice, choose
from florascope.training.experiment import Experiment


def _with_answers(experiment: Experiment, right: list[bool]) -> Experiment:
    """Answer the 8 test photos rightly or wrongly, ever less surely."""
    logits = np.zeros_like(experiment.logits)
    labels = experiment.dataset.labels
    for place, (index, ok) in enumerate(zip(experiment.split.test, right, strict=True)):
        answer = labels[index] if ok else (labels[index] + 1) % 4
        logits[index, answer] = 10.0 - place
    return replace(experiment, logits=logits)


def _by_reason(choices: list[Choice], reason: str) -> list[int]:
    return [c.index for c in choices if c.reason == reason]


def test_three_right_and_three_wrong_by_rule(experiment: Experiment) -> None:
    test = experiment.split.test.tolist()
    choices = choose(_with_answers(experiment, [True] * 4 + [False] * 4))
    assert _by_reason(choices, "unsure_right") == [test[3]]
    assert _by_reason(choices, "confident_error") == [test[4]]
    assert set(_by_reason(choices, "random_right")) <= set(test[:3])
    assert set(_by_reason(choices, "random_error")) <= set(test[5:])
    assert len({c.index for c in choices}) == 6


def test_the_seed_decides(experiment: Experiment) -> None:
    planted = _with_answers(experiment, [True] * 7 + [False])
    again = [choose(replace(planted, recipe=replace(planted.recipe, seed=s))) for s in range(8)]
    assert choose(planted) == again[0]
    assert len({tuple(c.index for c in choices) for choices in again}) > 1


def test_a_perfect_run_has_right_answers_only(experiment: Experiment) -> None:
    reasons = [c.reason for c in choose(_with_answers(experiment, [True] * 8))]
    assert sorted(reasons) == ["random_right", "random_right", "unsure_right"]


def test_a_single_error_is_the_most_confident_one(experiment: Experiment) -> None:
    reasons = [c.reason for c in choose(_with_answers(experiment, [True] * 7 + [False]))]
    assert reasons.count("confident_error") == 1
    assert "random_error" not in reasons
