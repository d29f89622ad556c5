"""Do the figures that the script reports measure what they say?"""

import math

import numpy as np

from florascope.doctor.evidence import Answers, Evidence
from florascope.doctor.finding import Finding

METRIC = "wrong accuracy for several classes"
SHUFFLED = "shuffled evaluation compared with unshuffled labels"

GAP = 0.1


def metric(evidence: Evidence) -> Finding | None:
    """Of answers half of which are right, an accuracy says one half."""
    if evidence.claims is None:
        return None
    half = evidence.claims.half
    if half is not None and abs(half - 0.5) > 0.02:
        found = f"the metric says {half:.1%} where 50 % of the answers are right"
        return _metric(found, "50 %", 0.98)
    return _reported(evidence)


def _reported(evidence: Evidence) -> Finding | None:
    """A reported accuracy that is the share of right yes-or-no answers over all classes."""
    answers = evidence.val_answers
    reported = _figure(evidence, "val_top1")
    if answers is None or reported is None or evidence.classes < 3:
        return None
    binary = _binary(answers)
    if abs(reported - answers.top1) < GAP or abs(reported - binary) > 0.02:
        return None
    found = f"{reported:.1%} reported, {answers.top1:.1%} measured; class by class {binary:.1%}"
    return _metric(found, f"{answers.top1:.1%}", 0.9)


def _binary(answers: Answers) -> float:
    """Accuracy of each class's own yes or no at one half."""
    outputs = answers.outputs.astype(np.float64)
    wide = np.exp(outputs - outputs.max(1, keepdims=True))
    yes = wide / wide.sum(1, keepdims=True) > 0.5
    truth = np.arange(outputs.shape[1])[None] == answers.labels[:, None]
    return float((yes == truth).mean())


def _metric(found: str, expected: str, sure: float) -> Finding:
    fix = "Use categorical accuracy: (outputs.argmax(1) == labels).mean()"
    return Finding("claims.metric", METRIC, "error", found, expected, fix, sure)


def shuffled(evidence: Evidence) -> Finding | None:
    """The reported accuracy is not that of answers dealt to other photos."""
    answers = evidence.val_answers
    reported = _figure(evidence, "val_top1")
    if answers is None or reported is None:
        return None
    dealt = _dealt(answers)
    error = 3 * math.sqrt(max(dealt * (1 - dealt), 1e-4) / len(answers.labels)) + 0.01
    if abs(reported - dealt) > error or answers.top1 < reported + max(GAP, 2 * error):
        return None
    return Finding(
        "claims.shuffled",
        SHUFFLED,
        "error",
        f"{reported:.1%} reported, {answers.top1:.1%} measured here; the same answers dealt to"
        f" random photos give {dealt:.1%}",
        f"about {answers.top1:.1%}",
        "Evaluate without shuffling, or take labels from the same batches as the answers",
        0.92,
    )


def _dealt(answers: Answers) -> float:
    """Expected accuracy once answers are shuffled: sum_k P(label k) P(answer k)."""
    K = answers.outputs.shape[1]
    inside = answers.labels[(answers.labels >= 0) & (answers.labels < K)]
    labels = np.bincount(inside, minlength=K) / len(answers.labels)
    said = np.bincount(answers.outputs.argmax(1), minlength=K) / len(answers.labels)
    return float(labels @ said)


def _figure(evidence: Evidence, name: str) -> float | None:
    return None if evidence.claims is None else evidence.claims.reported.get(name)


CHECKS = (metric, shuffled)
