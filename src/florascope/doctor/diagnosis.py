"""All findings about one training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from florascope.display import table_html
from florascope.doctor.checks import CHECKS, Check
from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding, Severity
from florascope.doctor.weighing import weighed


@dataclass(frozen=True, slots=True, repr=False)
class Diagnosis:
    """What the doctor found.

    Attributes:
        findings: most likely cause first; empty where nothing is wrong.
        seconds: that gathering the evidence and judging it took.
    """

    findings: tuple[Finding, ...]
    seconds: float = 0.0

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity."""
        return tuple(f for f in self.findings if f.severity == severity)

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        return {"findings": [f.to_json() for f in self.findings], "seconds": self.seconds}

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.findings)) or "Nothing wrong was found."

    def _repr_html_(self) -> str:
        """The findings as a table, for a notebook."""
        rows = [
            (f.severity, f"{f.cause} ({f.confidence:.0%} sure)", f.found, f.expected, f.fix)
            for f in self.findings
        ]
        headers = ("", "cause", "found", "expected", "fix")
        return table_html(headers, rows) if rows else "<p>Nothing wrong was found.</p>"


SURE = 0.9  # confidence from which nothing more needs to be tried


def settled(evidence: Evidence) -> bool:
    """Whether the cause is known already, so that no training needs to be tried again."""
    first = next(iter(judge(evidence)), None)
    return first is not None and first.severity == "error" and first.confidence >= SURE


def judge(evidence: Evidence, checks: Sequence[Check] = CHECKS) -> tuple[Finding, ...]:
    """Hold every check against the evidence; one whose evidence is missing says nothing.

    Findings are weighed by what the run reaches (`florascope.doctor.weighing`).
    """
    found = (check(evidence) for check in checks)
    return weighed((finding for finding in found if finding is not None), evidence)
