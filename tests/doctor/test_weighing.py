"""What a run reaches, and the order of findings that follows."""

import numpy as np
import pytest

from florascope.doctor.evidence import Answers, Evidence
from florascope.doctor.finding import Finding, Severity
from florascope.doctor.performance import performance
from florascope.doctor.trials import Substitution
from florascope.doctor.weighing import weighed


def run(right: float, reachable: float, n: int = 200, K: int = 4) -> Evidence:
    """A run that is right for a share of its photos where another share can be reached."""
    labels = np.arange(n) % K
    said = np.where(np.arange(n) < round(right * n), labels, (labels + 1) % K)
    answers = Answers(labels, np.eye(K)[said], np.zeros((n, 2)))
    return Evidence(K, val_answers=answers, substitution=Substitution(reachable))


def finding(check: str, severity: Severity = "error", confidence: float = 0.9) -> Finding:
    return Finding(check, check, severity, "", "", "", confidence)


def test_the_lost_share() -> None:
    found = performance(run(0.25, 0.85))
    assert found is not None
    # 2 standard errors of 85 % of 200 photos are 5.05 points: (0.85 - 0.25 - 0.0505) / 0.6.
    assert found.lost == pytest.approx(0.916, abs=1e-3)
    assert not found.learned
    assert not found.performs


@pytest.mark.parametrize(("right", "performs"), [(0.85, True), (0.80, True), (0.5, False)])
def test_a_run_that_reaches_what_it_can_performs(right: float, performs: bool) -> None:
    found = performance(run(right, 0.85))
    assert found is not None
    assert found.performs is performs


def test_chance_is_no_performance_even_where_nothing_can_be_reached() -> None:
    found = performance(run(0.25, 0.25))
    assert found is not None
    assert found.lost == 0
    assert not found.performs


def test_without_answers_nothing_is_said() -> None:
    assert performance(Evidence(4)) is None


def test_mechanics_are_no_error_where_the_run_performs() -> None:
    found = weighed([finding("optimisation.rate"), finding("split.paths")], run(0.85, 0.85))
    assert [(f.check, f.severity) for f in found] == [
        ("split.paths", "error"),
        ("optimisation.rate", "warning"),
    ]
    assert found[1].confidence <= 0.6


def test_mechanics_stay_errors_where_it_does_not() -> None:
    (found,) = weighed([finding("optimisation.rate")], run(0.25, 0.85))
    assert found.severity == "error"
    assert found.confidence == 0.9


def test_what_costs_little_does_not_stand_above_nothing_learned() -> None:
    small = [finding("split.near", "warning", 0.99), finding("serving.geometry", "warning")]
    found = weighed([*small, finding("skill.probe", confidence=0.45)], run(0.25, 0.85))
    assert found[0].check == "skill.probe"


def test_symptoms_of_a_known_cause_are_notes() -> None:
    both = [finding("features.constant"), finding("loop.zeroed", confidence=0.85)]
    found = weighed(both, run(0.25, 0.85))
    assert [(f.check, f.severity) for f in found] == [
        ("loop.zeroed", "error"),
        ("features.constant", "note"),
    ]


def test_accuracy_that_is_no_skill_stays_an_error_where_the_run_performs() -> None:
    (found,) = weighed([finding("skill.imbalance")], run(0.85, 0.85))
    assert found.severity == "error"


def test_symptoms_alone_stay() -> None:
    (found,) = weighed([finding("features.constant")], run(0.25, 0.85))
    assert found.severity == "error"
