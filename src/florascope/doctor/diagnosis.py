"""All findings about one training, in the order of how well they explain what the run lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from florascope.display import table_html
from florascope.doctor.checks import CHECKS, Check
from florascope.doctor.evidence import LOST, Evidence, Finding, Severity, performance

MECHANICS = frozenset(
    {
        *("optimisation", "head", "features", "loop", "exchange", "layers", "recorded", "loss"),
        *("skill", "network", "history", "batchnorm"),
    }
)
"""Families about how the network is trained: a run that reaches what it can refutes them."""

OF_DATA = frozenset(
    {
        *("skill.imbalance", "skill.unused", "network.steady", "recorded.practised"),
        *("batchnorm.mode", "batchnorm.alone"),
    }
)
"""Checks of those families about photos and evaluation: what they see limits what can be reached at
all, or what is said of it."""

HARMLESS = frozenset(
    {
        "serving.geometry",
        "skill.chance_loss",
    }
)
"""Checks whose warnings tell of what costs a run little: a few doubled photos, another resampling.
"""

COPIES = ("paths", "contents", "near")
"""Ends of the names of the checks that look for copies across a split."""

FOLLOWS: dict[str, frozenset[str]] = {
    "loop.different": frozenset({"labels.absent", "split.tiny", "split.swapped", "loop.balanced"}),
    "split.one_batch": frozenset({"labels.absent", "split.tiny", "claims.trained_on"}),
    "labels.single": frozenset({"split.tiny", "loop.balanced", "labels.permuted"}),
    "labels.unrelated": frozenset({"loop.shuffled", "labels.noise"}),
    "augmentation.removed": frozenset(
        {"labels.noise", "labels.unrelated", "labels.permuted", "pictures.differ", "pictures.blank"}
    ),
    "augmentation.bounds": frozenset(
        {"labels.unrelated", "labels.permuted", "optimisation.rate", "pictures.differ"}
    ),
    "skill.unused": frozenset({"skill.imbalance"}),
    "claims.metric": frozenset({"history.best", "claims.otherwise", "claims.trained_on"}),
    "claims.on_train": frozenset({"history.best", "claims.otherwise"}),
    "loop.short": frozenset({"skill.favoured", "optimisation.rate"}),
    "loop.finite": frozenset({"exchange.part", "loop.precise"}),
    "loop.precise": frozenset({"exchange.part", "optimisation.rate", "loop.short"}),
    "exchange.inputs": frozenset(
        {
            *("exchange.loop", "exchange.head", "exchange.network", "loop.short"),
            *("labels.unrelated", "labels.noise", "labels.permuted", "pictures.strange"),
        }
    ),
    "exchange.prepared": frozenset(
        {
            *("exchange.loop", "exchange.head", "exchange.network", "loop.short"),
            *("exchange.inputs", "exchange.part", "labels.permuted", "labels.unrelated"),
            *("batchnorm.unlike", "claims.trained_on", "pictures.shortcut"),
        }
    ),
    "head.clipped": frozenset({"skill.favoured", "layers.dead", "exchange.network"}),
    "head.dropout": frozenset({"loop.finite", "exchange.part"}),
    "inputs.scale": frozenset({"labels.unrelated"}),
    "inputs.rescaled": frozenset({"labels.unrelated"}),
    "inputs.canary": frozenset({"labels.unrelated"}),
    "inputs.extent": frozenset(
        {"loop.finite", "optimisation.rate", "layers.dead", "labels.unrelated"}
    ),
    "loop.rewritten": frozenset({"loop.restored", "loop.otherwise"}),
    "features.outweighed": frozenset({"exchange.head", "exchange.part"}),
    "exchange.part": frozenset({"optimisation.rate"}),
    "exchange.head": frozenset({"claims.trained_on", "history.best", "labels.permuted"}),
    "recorded.targets": frozenset({"loop.short", "skill.reversed", "labels.permuted"}),
    "skill.reversed": frozenset({"loop.stepped", "skill.favoured"}),
    "pictures.scrambled": frozenset({"pictures.differ", "pictures.coarse"}),
    "pictures.sheared": frozenset({"pictures.differ", "pictures.coarse", "labels.unrelated"}),
    "pictures.shortcut": frozenset({"augmentation.bounds"}),
    "network.steady": frozenset({"labels.permuted", "claims.otherwise", "claims.trained_on"}),
    "batchnorm.alone": frozenset(
        {"labels.permuted", "claims.otherwise", "batchnorm.lagging", "batchnorm.unlike"}
    ),
    "batchnorm.lagging": frozenset(
        {
            *("labels.permuted", "claims.trained_on", "loop.short", "exchange.head"),
            *("skill.favoured", "pictures.shortcut"),
        }
    ),
}
"""By check, others that see no more than what follows from it."""

SYMPTOMS = frozenset(
    {
        "features.collapsed",
        "features.constant",
        "loop.alive",
        "exchange.loop",
        "exchange.network",
        "skill.probe",
        "skill.chance_loss",
    }
)
"""Checks that see that something is wrong, not what."""

SHALLOW = frozenset(
    {
        "features.collapsed",
        "features.constant",
        "skill.favoured",
        "skill.inseparable",
        "layers.dead",
    }
)
"""Symptoms that any way of training badly shows: what was exchanged says more."""

LOCATED = frozenset({"exchange.part", "exchange.head"})
"""Checks that say in which part the gap opens."""

DOUBTED = 0.3  # of its weight: what a finding keeps that cannot explain the loss
HALF = 0.5  # of the lost accuracy: what a certain cause explains
CERTAIN = 0.8  # confidence of a cause from which its symptoms need no other


def weighed(findings: Iterable[Finding], evidence: Evidence) -> tuple[Finding, ...]:
    """Put first what explains best.

    Where the run performs, nothing about mechanics is an error; where a cause is known, its
    symptoms are notes.
    """
    reached = performance(evidence)
    lost = 0.0 if reached is None else reached.lost
    performs = reached is not None and reached.performs
    kept = [_doubted(f) if performs and _mechanical(f) else f for f in findings]
    following = {name for f in kept if _certain(f) for name in FOLLOWS.get(f.check, ())}
    kept = [replace(f, severity="note") if f.check in following else f for f in kept]
    if any(f.check in LOCATED for f in kept):
        kept = [replace(f, severity="note") if f.check in SHALLOW else f for f in kept]
    if any(_explains(f, lost) and _certain(f) for f in kept):
        kept = [replace(f, severity="note") if f.check in SYMPTOMS else f for f in kept]
    return tuple(sorted(kept, key=lambda f: -f.weight * (1.0 if _explains(f, lost) else DOUBTED)))


def _mechanical(finding: Finding) -> bool:
    return finding.check.partition(".")[0] in MECHANICS and finding.check not in OF_DATA


def _doubted(finding: Finding) -> Finding:
    """A warning, for the run reached about what it can all the same."""
    if finding.severity != "error":
        return finding
    return replace(finding, severity="warning", confidence=min(finding.confidence, 0.6))


def _explains(finding: Finding, lost: float) -> bool:
    if lost >= LOST and finding.check == "split.features":  # copies make a run look better
        return False
    harmless = finding.check in HARMLESS or finding.check.endswith(COPIES)
    return lost < LOST or finding.severity == "error" or not harmless


def _certain(finding: Finding) -> bool:
    known = finding.severity == "error" and finding.check not in SYMPTOMS
    enough = finding.explains is None or finding.explains >= HALF
    return known and enough and finding.confidence >= CERTAIN


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
    known = first is not None and first.check not in SYMPTOMS | SHALLOW
    return known and first is not None and first.severity == "error" and first.weight >= SURE


def judge(evidence: Evidence, checks: Sequence[Check] = CHECKS) -> tuple[Finding, ...]:
    """Hold every check against the evidence; one whose evidence is missing says nothing.

    Findings are weighed by what the run reaches (`weighed`).
    """
    found = (check(evidence) for check in checks)
    return weighed((finding for finding in found if finding is not None), evidence)
