"""One thing that a check found wrong."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]

WEIGHTS: dict[Severity, float] = {"error": 1.0, "warning": 0.6, "note": 0.2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found wrong, with what to do.

    Attributes:
        check: name of the check, "family.name".
        cause: what is wrong, in a few fixed words.
        severity: "error" where the results cannot be trusted, "warning" where they suffer or may
            do, "note" where one should know.
        found: what was met, with numbers.
        expected: what a sound training shows.
        fix: what to change.
        confidence: how sure the check is that this is a cause, 0 to 1.
    """

    check: str
    cause: str
    severity: Severity
    found: str
    expected: str
    fix: str
    confidence: float

    @property
    def weight(self) -> float:
        """What findings are ordered by: confidence, less for what does less harm."""
        return self.confidence * WEIGHTS[self.severity]

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.cause} ({self.confidence:.0%} sure, {self.check})\n"
            f"  found: {self.found}\n  expected: {self.expected}\n  fix: {self.fix}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return asdict(self)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put the most likely cause first; equals keep their order."""
    return tuple(sorted(findings, key=lambda finding: -finding.weight))
