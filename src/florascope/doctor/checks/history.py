"""Do the weights handed over belong to the training's best epoch?"""

import math

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding, Severity

WORSE = "weights of a worse epoch were kept"
OTHER = "the history is not this model's on these photos"

GAP = 0.1
SIGMAS = 3.0


def best(evidence: Evidence) -> Finding | None:
    """The model answers val photos about as well as its best epoch did."""
    answers = evidence.val_answers
    rows = (
        [r["val_top1"] for r in evidence.loop.history if "val_top1" in r] if evidence.loop else []
    )
    if answers is None or not rows or _val_moves(evidence):
        return None
    now, top = answers.top1, max(rows)
    noise = SIGMAS * math.sqrt(max(now * (1 - now), 0.01) / len(answers.labels))
    if not math.isfinite(top) or top - now < max(GAP, noise):
        return None
    at = rows.index(top) + 1
    found = f"epoch {at} of {len(rows)} had {top:.1%} right of val, this model has {now:.1%}"
    nearest = min(range(len(rows)), key=lambda i: abs(rows[i] - now))
    if abs(rows[nearest] - now) > 0.03:
        fix = "Check that model and val data are those that the history speaks of"
        return _finding(OTHER, found, fix, 0.6)
    last = nearest == len(rows) - 1 or abs(rows[-1] - now) <= 0.03
    which = "the last one's" if last else f"those of epoch {nearest + 1}"
    fix = "Keep the best epoch's weights: look at what decides (mode, monitor) and what restores"
    return _finding(WORSE, f"{found}, which are {which}", fix, 0.6 if last else 0.92)


def _val_moves(evidence: Evidence) -> bool:
    return evidence.inputs is not None and evidence.inputs.val_repeats is False


def _finding(cause: str, found: str, fix: str, sure: float) -> Finding:
    expected = "about as many as in the best epoch"
    severity: Severity = "error" if sure > 0.9 else "warning"
    return Finding("history.best", cause, severity, found, expected, fix, sure)


CHECKS = (best,)
