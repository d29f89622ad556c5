"""Is there skill, and where is it lost? The chance line, and a probe beside the run."""

import math

import numpy as np

from florascope.doctor.evidence import Answers, Evidence
from florascope.doctor.finding import Finding

IMBALANCE = "class imbalance read as skill"
LOOP = "training loop broken"
UPSTREAM = "inputs or weights broken"

LARGE = 0.5  # share of the largest class from which its accuracy passes for skill
SIGMAS = 3.0


def imbalance(evidence: Evidence) -> Finding | None:
    """Accuracy beats that of always naming the largest class."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained or evidence.classes < 2:
        return None
    inside = (answers.labels >= 0) & (answers.labels < evidence.classes)
    largest = float(np.bincount(answers.labels[inside], minlength=evidence.classes).max())
    share = largest / len(answers.labels)
    balanced = _balanced(answers)
    if share < LARGE or answers.top1 > share + 0.02 or balanced > 0.5 * (1 + 1 / evidence.classes):
        return None
    return Finding(
        "skill.imbalance",
        IMBALANCE,
        "error",
        f"top-1 {answers.top1:.1%} where the largest class has {share:.1%}; mean over classes"
        f" {balanced:.1%}",
        f"more than {share:.1%}, and a mean over classes well above {1 / evidence.classes:.1%}",
        "Judge by the mean over classes; weight the loss or sample classes evenly",
        0.9,
    )


def _balanced(answers: Answers) -> float:
    right = answers.outputs.argmax(1) == answers.labels
    return float(np.mean([right[answers.labels == k].mean() for k in np.unique(answers.labels)]))


def run_against_probe(evidence: Evidence) -> Finding | None:
    """A probe on the same features is no better than the run: good and bad, the loop is broken.

    Both bad, inputs or weights are.
    """
    answers, probe = evidence.val_answers, evidence.probe
    if answers is None or probe is None or not evidence.trained:
        return None
    chance = 1 / evidence.classes
    noise = SIGMAS * math.sqrt(chance * (1 - chance) / len(answers.labels))
    text = f"run {answers.top1:.1%}, quick probe on its features {probe.val_top1:.1%}"
    text += f", chance {chance:.1%}"
    if probe.val_top1 < chance + noise and answers.top1 < chance + noise:
        fix = "Check the input's scale, the weights and the labels; see the other findings"
        found = f"{text}: both at chance"
        return Finding("skill.probe", UPSTREAM, "error", found, "above chance", fix, 0.45)
    if answers.top1 < 0.5 * probe.val_top1 - noise:
        fix = "Check optimizer, learning rate, loss and last layer; see the other findings"
        found = f"{text}: the features are good, the run is not"
        return Finding("skill.probe", LOOP, "error", found, "about the probe's", fix, 0.5)
    return None


def chance_loss(evidence: Evidence) -> Finding | None:
    """The loss is below ln K, that of a uniform guess."""
    history = evidence.loop.history if evidence.loop else ()
    reported = dict(evidence.claims.reported) if evidence.claims else {}
    loss = reported.get("val_loss", history[-1].get("val_loss") if history else None)
    uniform = math.log(evidence.classes)
    if loss is None or not evidence.trained or loss <= uniform:
        return None
    return Finding(
        "skill.chance_loss",
        "loss above that of a uniform guess",
        "warning",
        f"validation loss {loss:.4g}",
        f"below ln {evidence.classes} = {uniform:.4g}",
        "Compare with the other findings: answers that are sure and wrong",
        0.6,
    )


CHECKS = (imbalance, run_against_probe, chance_loss)
