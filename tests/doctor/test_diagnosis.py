"""Findings: their order, their JSON and their text."""

import json

from florascope.doctor.checks import CHECKS
from florascope.doctor.diagnosis import Diagnosis, judge
from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding, Severity, ordered


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
