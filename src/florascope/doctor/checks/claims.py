"""Is what a run tells of itself what is measured?"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from florascope.doctor.checks.loop import ANEW
from florascope.doctor.checks.network import mode
from florascope.doctor.evidence import (
    Answers,
    Evidence,
    Finding,
    Severity,
    explained,
    standard_error,
)

METRIC = "wrong accuracy for several classes"
SHUFFLED = "shuffled evaluation compared with unshuffled labels"

FEW_SEEN = "training saw only a few of the train photos, or others"
ON_TRAIN = "the validation accuracy was measured on train photos"
OTHERWISE = "reported accuracy is not that of all validation photos"
WORSE = "weights of a worse epoch were kept"
OTHER = "the history is not this model's on these photos"

GAP = 0.1
SIGMAS = 3.0
EXACT = 0.01
SAME = 0.05  # what rounding, precision and a few photos may make, where all were asked
ELSEWHERE = 0.2  # more than augmentation and moving weights change it by
BEST = 5


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
    answers, reported = evidence.val_answers, _told(evidence)
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
    answers, reported = evidence.val_answers, _told(evidence)
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


def otherwise(evidence: Evidence) -> Finding | None:
    """The reported accuracy is that of all val answers, in eval mode, by the best class."""
    answers, reported = evidence.val_answers, _told(evidence)
    if answers is None or reported is None or _matches(reported, answers, evidence):
        return None
    if metric(evidence) or shuffled(evidence) or mode(evidence):
        return None
    if answers.top1 > reported and _in_history(evidence, answers):
        return None
    measured = {**_parts_of_val(answers), **_other_figures(evidence)}
    near = [name for name, top1 in measured.items() if abs(top1 - reported) < EXACT]
    found = f"{reported:.1%} reported, {answers.top1:.1%} measured on all of val"
    found += f"; {near[0]} gives {measured[near[0]]:.1%}" if near else ""
    return Finding(
        "claims.otherwise",
        OTHERWISE,
        "error" if near or (_whole(evidence) and abs(reported - answers.top1) > GAP) else "warning",
        found,
        f"about {answers.top1:.1%}",
        "Count right answers over all val batches, in eval mode, from zero in each epoch, and"
        " divide by the photos; report the figure of the very weights that are kept",
        0.85 if near or _whole(evidence) else 0.6,
    )


def trained_on(evidence: Evidence) -> Finding | None:
    """The train accuracy of the history is that of the train loader's photos."""
    answers, rows = evidence.train_answers, evidence.loop.history if evidence.loop else ()
    told = rows[-1].get("train_top1") if rows else None
    if answers is None or told is None or evidence.labels_outside:
        return None
    if told < answers.top1 + ELSEWHERE or mode(evidence) or moving(evidence):
        return None
    return _of_another(evidence, told, answers.top1) or Finding(
        "claims.trained_on",
        FEW_SEEN,
        "error",
        f"the history's train accuracy is {told:.0%}, but on the train loader's photos the network"
        f" reaches {answers.top1:.0%}: they do not match",
        f"about {told:.0%}, or more",
        "Iterate over the whole train loader in every epoch (next(iter(loader)) outside the loop"
        " trains on the same batch again and again); evaluate the network that was trained",
        0.86,
    )


def _of_another(evidence: Evidence, told: float, top1: float) -> Finding | None:
    """The history's last epoch was better on val, too: it is that of another network."""
    answers, last = evidence.val_answers, _rows(evidence)[-1].get("val_top1")
    if answers is None or last is None or last < answers.top1 + ELSEWHERE:
        return None
    if measured_on_train(evidence) is not None:
        return None
    return Finding(
        "claims.trained_on",
        ANEW,
        "error",
        f"the history ends with {told:.0%} of train and {last:.0%} of val right; this network has"
        f" {top1:.0%} and {answers.top1:.0%} on the same photos: another one was trained",
        "the accuracies of the history's last epoch, or of its best",
        "Look at what happens to the weights after training: averaged over runs, loaded, drawn"
        " again, or another object evaluated",
        0.88,
    )


def measured_on_train(evidence: Evidence) -> Finding | None:
    """The validation accuracy that was told is not what train photos give."""
    learned, unseen, rows = evidence.train_answers, evidence.val_answers, _rows(evidence)
    told = rows[-1].get("val_top1") if rows else _figure(evidence, "val_top1")
    if learned is None or unseen is None or told is None or evidence.labels_outside:
        return None
    if evidence.modes is not None and evidence.modes.deployed is not None:  # there it is measured
        return None
    doubt = 2 * standard_error(unseen.top1, len(unseen.labels))
    apart = told - unseen.top1
    if apart < max(GAP, doubt) or abs(told - learned.top1) > min(0.04, apart / 3):
        return None
    return Finding(
        "claims.on_train",
        ON_TRAIN,
        "error",
        f"{told:.1%} told of val; measured, {unseen.top1:.1%} of val and {learned.top1:.1%} of"
        " train are right: the figure is that of the train loader",
        f"about {unseen.top1:.1%}",
        "Evaluate on the validation loader: look at which loader the evaluation is given",
        0.93,
    )


def _rows(evidence: Evidence) -> Sequence[Mapping[str, float]]:
    return evidence.loop.history if evidence.loop else ()


def moving(evidence: Evidence) -> bool:
    """Whether train mode gives clearly better answers than eval mode: then statistics are off."""
    modes = evidence.modes
    if modes is None:
        return False
    rights = [(x.argmax(1) == modes.labels).mean() for x in (modes.trained, modes.evaluated)]
    return bool(rights[0] > rights[1] + ELSEWHERE)


def _matches(reported: float, answers: Answers, evidence: Evidence) -> bool:
    """Whether a figure is that of the answers, beyond the doubt of photos that were not asked."""
    measured = answers.top1
    if _whole(evidence):
        return abs(reported - measured) < SAME
    doubt = SIGMAS * standard_error(measured, len(answers.labels))
    return abs(reported - measured) < max(GAP, doubt)


def _whole(evidence: Evidence) -> bool:
    """Whether all val photos were asked, and stay as they are: then nothing is left to chance."""
    answers, val, inputs = evidence.val_answers, evidence.val, evidence.inputs
    asked = answers is not None and val is not None and len(answers.labels) >= val.size
    return asked and (inputs is None or inputs.val_repeats is not False)


def _in_history(evidence: Evidence, answers: Answers) -> bool:
    """Whether the network is that of another epoch than the reported one, the best for example."""
    rows = evidence.loop.history if evidence.loop else ()
    return any(abs(row.get("val_top1", -1) - answers.top1) < EXACT for row in rows[:-1])


def _parts_of_val(answers: Answers) -> dict[str, float]:
    """Accuracies that forget a part of val, or count it twice."""
    right = answers.outputs.argmax(1) == answers.labels
    if len(answers.batches) < 2:
        return {}
    parts = np.split(right, np.cumsum(answers.batches)[:-1])
    return {
        "the last batch alone": float(parts[-1].mean()),
        "the first batch alone": float(parts[0].mean()),
        "dividing by full batches": float(right.sum() / (len(parts) * max(answers.batches))),
        "the mean of batches": float(np.mean([part.mean() for part in parts])),
    }


def _other_figures(evidence: Evidence) -> dict[str, float]:
    """Accuracies of something else."""
    answers, modes = evidence.val_answers, evidence.modes
    found = (
        {"the train photos' accuracy": evidence.train_answers.top1}
        if evidence.train_answers
        else {}
    )
    if answers is not None and evidence.classes > BEST:
        best = np.argsort(-answers.outputs, axis=1)[:, :BEST]
        found["top-5"] = float((best == answers.labels[:, None]).any(1).mean())
    if answers is not None and evidence.classes == 2:
        found["answering 0 always (argmax of a single output, for example)"] = float(
            (answers.labels == 0).mean()
        )
    if modes is not None:
        found["train mode"] = float((modes.trained.argmax(1) == modes.labels).mean())
    return found


def _dealt(answers: Answers) -> float:
    """Expected accuracy once answers are shuffled: sum_k P(label k) P(answer k)."""
    K = answers.outputs.shape[1]
    inside = answers.labels[(answers.labels >= 0) & (answers.labels < K)]
    labels = np.bincount(inside, minlength=K) / len(answers.labels)
    said = np.bincount(answers.outputs.argmax(1), minlength=K) / len(answers.labels)
    return float(labels @ said)


def _figure(evidence: Evidence, name: str) -> float | None:
    return None if evidence.claims is None else evidence.claims.reported.get(name)


def _told(evidence: Evidence) -> float | None:
    """The val accuracy that was told: reported, else the history's where no epoch comes near.

    A network that is clearly better than each of its epochs said is not one of a better epoch.
    """
    reported, answers = _figure(evidence, "val_top1"), evidence.val_answers
    told = [row["val_top1"] for row in _rows(evidence) if "val_top1" in row]
    if reported is not None or answers is None or not told:
        return reported
    return told[-1] if max(told) < answers.top1 - ELSEWHERE else None


def best(evidence: Evidence) -> Finding | None:
    """The model answers val photos about as well as its best epoch did."""
    answers = evidence.val_answers
    rows = (
        [r["val_top1"] for r in evidence.loop.history if "val_top1" in r] if evidence.loop else []
    )
    if answers is None or not rows or _val_moves(evidence):
        return None
    now, top = answers.top1, max(rows)
    noise = SIGMAS * standard_error(now, len(answers.labels))
    share = explained(evidence, top, now)
    if not math.isfinite(top) or top - now < max(GAP, noise):
        return None
    at = rows.index(top) + 1
    found = f"epoch {at} of {len(rows)} had {top:.1%} right of val, this model has {now:.1%}"
    nearest = min(range(len(rows)), key=lambda i: abs(rows[i] - now))
    if abs(rows[nearest] - now) > 0.03:
        fix = "Check that model and val data are those that the history speaks of"
        return _of_an_epoch(OTHER, found, fix, 0.6, share)
    last = nearest == len(rows) - 1 or abs(rows[-1] - now) <= 0.03
    which = "the last one's" if last else f"those of epoch {nearest + 1}"
    fix = "Keep the best epoch's weights: look at what decides (mode, monitor) and what restores"
    return _of_an_epoch(WORSE, f"{found}, which are {which}", fix, 0.6 if last else 0.92, share)


def _val_moves(evidence: Evidence) -> bool:
    return evidence.inputs is not None and evidence.inputs.val_repeats is False


def _of_an_epoch(cause: str, found: str, fix: str, sure: float, share: float | None) -> Finding:
    expected = "about as many as in the best epoch"
    severity: Severity = "error" if sure > 0.9 else "warning"
    return Finding("history.best", cause, severity, found, expected, fix, sure, share)


CHECKS = (metric, shuffled, measured_on_train, otherwise, trained_on, best)
