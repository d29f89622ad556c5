"""Findings: their order, their JSON, their text and what the run reaches beside them."""

import json

import numpy as np
import pytest

from florascope.doctor.checks import CHECKS
from florascope.doctor.diagnosis import Diagnosis, judge, weighed
from florascope.doctor.evidence import Answers, Evidence, Finding, Severity, ordered, performance
from florascope.doctor.trials import Substitution


def finding(cause: str, severity: Severity, confidence: float) -> Finding:
    return Finding("family.check", cause, severity, "3", "4", "Add 1", confidence)


def test_the_most_likely_cause_comes_first() -> None:
    found = [
        finding("a note", "note", 1.0),
        finding("a doubt", "error", 0.4),
        finding("a warning", "warning", 0.9),
        finding("a certainty", "error", 0.9),
    ]
    causes = [f.cause for f in ordered(found)]
    assert causes == ["a certainty", "a warning", "a doubt", "a note"]


def test_equals_keep_their_order() -> None:
    found = [finding(str(n), "error", 0.5) for n in range(4)]
    assert ordered(found) == tuple(found)


def test_json_has_all_parts_of_a_finding() -> None:
    diagnosis = Diagnosis((finding("a cause", "error", 0.9),), 1.5)
    (one,) = json.loads(json.dumps(diagnosis.to_json()))["findings"]
    assert set(one) == {"check", "cause", "severity", "found", "expected", "fix", "confidence"}
    assert one["cause"] == "a cause"


def test_the_text_says_found_expected_and_fix() -> None:
    text = str(Diagnosis((finding("a cause", "error", 0.9),)))
    assert text.startswith("error: a cause (90% sure, family.check)")
    assert "found: 3" in text
    assert "fix: Add 1" in text
    assert str(Diagnosis(())) == "Nothing wrong was found."


def test_no_evidence_no_finding() -> None:
    assert judge(Evidence(5)) == ()


def test_check_names_differ() -> None:
    names = {(c.__module__, c.__name__, repr(getattr(c, "__self__", ""))) for c in CHECKS}
    assert len(names) == len(CHECKS) >= 25


def run(right: float, reachable: float, n: int = 200, K: int = 4) -> Evidence:
    """A run that is right for a share of its photos where another share can be reached."""
    labels = np.arange(n) % K
    said = np.where(np.arange(n) < round(right * n), labels, (labels + 1) % K)
    answers = Answers(labels, np.eye(K)[said], np.zeros((n, 2)))
    return Evidence(K, val_answers=answers, substitution=Substitution(reachable))


def of_check(check: str, severity: Severity = "error", confidence: float = 0.9) -> Finding:
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
    found = weighed([of_check("optimisation.rate"), of_check("split.paths")], run(0.85, 0.85))
    assert [(f.check, f.severity) for f in found] == [
        ("split.paths", "error"),
        ("optimisation.rate", "warning"),
    ]
    assert found[1].confidence <= 0.6


def test_mechanics_stay_errors_where_it_does_not() -> None:
    (found,) = weighed([of_check("optimisation.rate")], run(0.25, 0.85))
    assert found.severity == "error"
    assert found.confidence == 0.9


def test_what_costs_little_does_not_stand_above_nothing_learned() -> None:
    small = [of_check("split.near", "warning", 0.99), of_check("serving.geometry", "warning")]
    found = weighed([*small, of_check("skill.probe", confidence=0.45)], run(0.25, 0.85))
    assert found[0].check == "skill.probe"


def test_symptoms_of_a_known_cause_are_notes() -> None:
    both = [of_check("features.constant"), of_check("loop.zeroed", confidence=0.85)]
    found = weighed(both, run(0.25, 0.85))
    assert [(f.check, f.severity) for f in found] == [
        ("loop.zeroed", "error"),
        ("features.constant", "note"),
    ]


def test_accuracy_that_is_no_skill_stays_an_error_where_the_run_performs() -> None:
    (found,) = weighed([of_check("skill.imbalance")], run(0.85, 0.85))
    assert found.severity == "error"


def test_symptoms_alone_stay() -> None:
    (found,) = weighed([of_check("features.constant")], run(0.25, 0.85))
    assert found.severity == "error"
