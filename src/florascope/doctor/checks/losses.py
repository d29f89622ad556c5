"""Does the loss pull the outputs towards the labels that the loader gives?"""

import numpy as np
from jaxtyping import Float

from florascope.doctor.evidence import LOST, Evidence, Finding, performance

LOGITS = "logits given to a loss that takes probabilities"
SIGMOIDS = "sigmoids for classes that exclude each other"
ONE_UNIT = "softmax over a single unit"
BROADCAST = "class numbers compared with a row of outputs"
REGRESSION = "regression loss for classes"
IGNORED = "the loss ignores a class (ignore_index)"
WEIGHTS = "class weights upside down: rare classes count least"
TARGETS = "the loss is computed against something else than the loader's labels"
AWAY = "the loss pushes away from the labels: its sign is turned round"
FLAT = "the loss gives no gradient: it does not depend on the outputs"
PASSED_OVER = "the loss passes most photos over, and not those that are known"

UNEVEN = 1.8  # times
ALIGNED = 0.6  # correlation of weights with numbers of photos, both as logarithms
ELSEWHERE = 0.35  # total variation between the classes drawn and those that the loss pulls to
UNKNOWN = 0.2  # more photos without a gradient than are answered right
AGREES = 0.5  # of the photos, or cosine: distillation from a good teacher has more
NEARLY_ALL = 0.8  # of the photos
SURE = 0.97


def activation(evidence: Evidence) -> Finding | None:
    """A loss of probabilities gets probabilities, which sum to 1."""
    loop, outputs = evidence.loop, _outputs(evidence)
    if loop is None or outputs is None or loop.takes != "probabilities" or len(outputs) < 2:
        return None
    inside = bool(outputs.min() >= 0 and outputs.max() <= 1)
    off = float(np.abs(outputs.sum(1) - 1).max())
    if not inside:
        found = (
            f"outputs from {outputs.min():.3g} to {outputs.max():.3g} go to {loop.loss}, which"
            " takes probabilities"
        )
        fix = "Let the loss apply softmax (from_logits=True), or end the network with a softmax"
        return Finding("loss.activation", LOGITS, "error", found, "0 to 1, of sum 1", fix, SURE)
    if off < 0.02 or "binary" in loop.loss.lower():
        return None
    found = f"outputs between 0 and 1 whose sums are off 1 by up to {off:.2g} go to {loop.loss}"
    fix = "End the network with softmax instead of sigmoid"
    return Finding("loss.activation", SIGMOIDS, "warning", found, "sums of 1", fix, 0.6)


def one_unit(evidence: Evidence) -> Finding | None:
    """A single output unit says something: softmax of one number is always 1."""
    layers = evidence.network.layers if evidence.network else ()
    last = layers[-1] if layers else None
    if last is None or last.units != 1 or last.activation != "softmax" or _kind(last.kind) == "":
        return None
    found = f"the last layer ({last.name}) has one unit with softmax, which always says 1"
    fix = "Use a unit for each class, or sigmoid with binary cross-entropy for two classes"
    return Finding("loss.one_unit", ONE_UNIT, "error", found, "an answer that can vary", fix, 0.98)


def _kind(name: str) -> str:
    return name if name in {"Dense", "Activation", "Softmax"} else ""


def targets(evidence: Evidence) -> Finding | None:
    """A loss that compares number by number gets a row for each photo, not its class number."""
    loop, outputs = evidence.loop, _outputs(evidence)
    if loop is None or outputs is None or loop.targets != "one-hot" or loop.given != "integers":
        return None
    if outputs.shape[1] < 3:  # one unit for two classes: its number is the label
        return None
    cause = REGRESSION if loop.takes == "numbers" else BROADCAST
    found = (
        f"{loop.loss} compares class numbers of 0 to {evidence.classes - 1} with every one of"
        f" {evidence.classes} outputs (the shapes broadcast silently)"
    )
    fix = "Use cross-entropy for class numbers, or give the labels one-hot"
    return Finding("loss.targets", cause, "error", found, "cross-entropy", fix, SURE)


def ignored(evidence: Evidence) -> Finding | None:
    """The loss counts photos of every class."""
    left_out = evidence.loop.ignored if evidence.loop else None
    if left_out is None:
        return None
    found = f"ignore_index={left_out}: photos of class {left_out} never count in the loss"
    fix = "Leave ignore_index at its default, -100, where no label means 'nothing'"
    return Finding("loss.ignored", IGNORED, "error", found, "every class", fix, 0.95)


def upside_down(evidence: Evidence) -> Finding | None:
    """Class weights make up for the number of photos, not worse of it."""
    weights, train = evidence.loop.weights if evidence.loop else (), evidence.train
    if train is None or len(weights) != evidence.classes or min(weights) < 0:
        return None
    counts = np.bincount(train.labels.clip(0), minlength=evidence.classes)[: evidence.classes]
    there = counts > 0
    w, n = np.array(weights)[there], counts[there]
    if len(n) < 2 or n.max() < UNEVEN * n.min() or w.max() < UNEVEN * max(w.min(), 1e-12):
        return None
    if np.corrcoef(np.log(np.maximum(w, 1e-12)), np.log(n))[0, 1] < ALIGNED:
        return None
    rare, often = int(np.argmin(n)), int(np.argmax(n))
    found = (
        f"the rarest class ({n[rare]} photos) weighs {w[rare]:.3g} in the loss, the largest"
        f" ({n[often]}) {w[often]:.3g}"
    )
    fix = "Turn them round: weight = 1 / photos of the class, so that rare classes count more"
    return Finding(
        "loss.weights", WEIGHTS, "error", found, "larger weights for rare classes", fix, 0.94
    )


def _outputs(evidence: Evidence) -> Float[np.ndarray, "b k"] | None:
    outputs = evidence.modes.evaluated if evidence.modes else None
    return outputs if outputs is not None and np.isfinite(outputs).all() else None


CHECKS = (ignored, upside_down, one_unit, targets, activation)


def asked_of(evidence: Evidence) -> Finding | None:
    """The loss pulls outputs towards the labels that the loader gives."""
    reached = performance(evidence)
    if reached is None or reached.lost < LOST:
        return None
    return _photo_by_photo(evidence) or _by_class(evidence)


def _photo_by_photo(evidence: Evidence) -> Finding | None:
    asked, learned = evidence.pulled, evidence.train_answers
    if asked is None or asked.photos < 5 * evidence.classes:
        return None
    known = learned.top1 if learned else 0.0
    if asked.flat > max(AGREES, known + UNKNOWN):
        none = asked.flat > NEARLY_ALL
        found = (
            f"the gap opens in the loss: its gradient is 0 for {asked.flat:.0%} of {asked.photos}"
            f" photos; {known:.0%} of train are answered right"
        )
        fix = (
            "Look for round(), argmax(), detach() or a constant between outputs and loss"
            if none
            else "Look at how examples are chosen (topk, a mask, a threshold): the hard ones have"
            " the largest loss"
        )
        cause = FLAT if none else PASSED_OVER
        return _asked(cause, found, "a gradient for each", fix, 0.95)
    if asked.flat > NEARLY_ALL or max(asked.agreeing, asked.aligned) > AGREES:
        return None
    text = (
        f"the gap opens in the loss: of {asked.photos} photos it pulls {asked.agreeing:.0%} towards"
        f" the loader's label (its gradient's cosine with cross-entropy's is {asked.aligned:.2f})"
    )
    if asked.aligned < -AGREES / 2:
        fix = "Look for a minus that is missing, or one too many, and for maximize=True"
        return _asked(AWAY, text, "towards it, cosine near 1", fix, 0.95)
    fix = "Look at what the loss is given as targets: the batch's own labels, in the same order"
    return _asked(TARGETS, text, "nearly all, cosine near 1", fix, 0.95)


def _by_class(evidence: Evidence) -> Finding | None:
    """The classes that the loss pulls towards are those that the loader gives."""
    seen, given = evidence.recording, evidence.drawn
    if seen is None or given is None or _agrees(evidence):
        return None
    wanted = np.concatenate([*given.batches, np.empty(0, np.int64)])
    if min(len(seen.drawn), len(wanted)) < 5 * evidence.classes:
        return None
    ours, theirs = (
        np.bincount(x.clip(0), minlength=evidence.classes) / len(x) for x in (seen.drawn, wanted)
    )
    width = min(len(ours), len(theirs))
    apart = float(np.abs(ours[:width] - theirs[:width]).sum()) / 2
    if apart < ELSEWHERE:
        return None
    most = int(ours.argmax())
    found = (
        f"the loss pulls {ours[most]:.0%} of the photos towards class {most}, which"
        f" {theirs[most]:.0%} of the loader's labels are: the targets are not these labels"
    )
    fix = "Look at what the loss is given as targets: the batch's own labels, and nothing predicted"
    return _asked(TARGETS, found, "the loader's labels", fix, 0.96)


def _agrees(evidence: Evidence) -> bool:
    """Whether photos were found again, and pulled towards their labels, if at all."""
    asked = evidence.pulled
    return asked is not None and asked.photos >= 5 * evidence.classes and asked.agreeing > AGREES


def _asked(cause: str, found: str, expected: str, fix: str, sure: float) -> Finding:
    return Finding("recorded.targets", cause, "error", found, expected, fix, sure)


ASKED_CHECKS = (asked_of,)
