"""What a watched training loop did: did it step, did it zero its gradients, what did it draw?"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from florascope.doctor.evidence import LOST, Evidence, Finding, Severity, performance
from florascope.doctor.recording import Recording, Sizes

NO_STEP = "optimizer.step is never called"
NO_BACKWARD = "loss.backward is never called"
EMPTIED = "gradients are cleared before the optimizer steps"
ADDED = "gradients are never zeroed"
CLIPPED = "gradients clipped to nothing"
UNHELD = "parameters missing from the optimizer"
ZERO_RATE = "learning rate is zero"
SAME_BATCH = "the same batch again and again"
SORTED = "train data sorted by class, not shuffled"
FEW_CLASSES = "few of the classes are ever drawn"
DISCARDED = "gradients are thrown away: steps of the optimizer are left out"
OTHERS = "the loop trains on other photos than the loader gives, or changes them"
ALTERED = "gradients are changed on their way to the optimizer (noise, another sign or direction)"
FORGETS = "the optimizer is made anew at every step: its momentum or averages are lost"
PRACTISED = "validation photos were trained on: they leak into the training"
SCHEDULE = "learning rate too low: its schedule never lets it rise, or ends it early"
DECAYED = "weight decay far too strong"
EXPLODING = "learning rate too high"
VANISHING = "updates far too small"
NOT_FINITE = "gradients or losses that are not finite"

ENOUGH = 4  # steps or batches that tell something
MOSTLY = 0.8  # of the steps
FEW = 0.5  # of the photos have a gradient
HARDLY = 0.1  # of the largest learning rate, in the mean over the steps
KEEPS = 0.7  # cosine of a gradient after the backward pass and at the step; clipping leaves 1
MET = 0.2  # of the val photos, among some batches of the training
HARD = 0.02  # of its norm that clipping leaves of a gradient
PULL = 0.4  # of an update: decay and gradient come into balance at 0.5
TINY, HUGE = 1e-6, 0.3  # update over weight; sound trainings lie around 1e-3
NAMES = 3


def steps(evidence: Evidence) -> Finding | None:
    """Every few backward passes the optimizer steps."""
    seen = evidence.recording
    if seen is None or seen.forwards < ENOUGH or seen.steps > 0:
        return None
    if seen.backwards == 0:
        found = f"{seen.forwards} forward passes in train mode, none followed by a backward pass"
        fix = "Call loss.backward() and optimizer.step() for each batch; detach nothing before"
        return Finding("recorded.steps", NO_BACKWARD, "error", found, "one for each", fix, 0.97)
    reached = performance(evidence)
    if reached is not None and reached.learned:  # somebody moves the weights by hand
        return None
    found = f"{seen.backwards or seen.forwards} backward passes and not one optimizer step"
    fix = "Call optimizer.step() after loss.backward()"
    return Finding("recorded.steps", NO_STEP, "error", found, "a step for each batch", fix, 0.98)


def zeroed(evidence: Evidence) -> Finding | None:
    """After a step, gradients start from nothing."""
    seen = evidence.recording
    if seen is None or seen.added is None or seen.steps < ENOUGH or seen.added < 0.5:
        return None
    found = (
        f"{seen.added:.0%} of the backward passes after a step add to gradients of before,"
        f" over {seen.steps} steps"
    )
    fix = "Call optimizer.zero_grad() before each loss.backward()"
    return Finding(
        "recorded.zeroed", ADDED, "error", found, "0 %: zeroed after each step", fix, 0.97
    )


def discarded(evidence: Evidence) -> Finding | None:
    """What is differentiated is stepped, or added up for a step."""
    seen = evidence.recording
    if seen is None or not seen.discarded or not seen.backwards or seen.steps == 0:
        return None
    share = seen.discarded / seen.backwards
    if share < 0.5:
        return None
    found = (
        f"{seen.steps} steps for {seen.backwards} backward passes; the gradients of {share:.0%} of"
        " these were cleared without a step"
    )
    fix = "Call optimizer.step() after each loss.backward(), inside the loop over batches"
    return Finding(
        "recorded.discarded", DISCARDED, "error", found, "a step for each batch", fix, 0.95
    )


def emptied(evidence: Evidence) -> Finding | None:
    """At a step, the gradients of the backward pass are still there."""
    seen = evidence.recording
    sizes = seen.sizes if seen else None
    if seen is None or sizes is None or not seen.backwards or len(sizes.gradients) < ENOUGH:
        return None
    gone = (np.nan_to_num(sizes.gradients, nan=0.0) == 0).all(1)
    if gone.mean() < MOSTLY:
        return None
    found = (
        f"at {gone.mean():.0%} of the measured steps the optimizer finds no gradient, or zeros,"
        f" after {seen.backwards} backward passes"
    )
    fix = "Order: zero_grad(), backward(), step(); nothing between the last two may clear gradients"
    return Finding(
        "recorded.emptied", EMPTIED, "error", found, "gradients at every step", fix, 0.96
    )


def clipped(evidence: Evidence) -> Finding | None:
    """Clipping cuts peaks, not every gradient down to nothing."""
    seen = evidence.recording
    left = _finite(seen.clipped) if seen else []
    if seen is None or len(left) < ENOUGH or float(np.median(left)) >= HARD:
        return None
    found = f"clipping leaves {np.median(left):.2g} of the gradient's norm at the median step"
    if seen.sizes is not None:
        found += f"; updates are {_typical(seen):.2g} of the weights"
    fix = "Raise the largest norm (1 to 10 is usual), or leave clipping out"
    return Finding("recorded.clipped", CLIPPED, "error", found, "1 at most steps", fix, 0.93)


def altered(evidence: Evidence) -> Finding | None:
    """The optimizer gets the loss's gradient: shorter after clipping, in the same direction."""
    seen = evidence.recording
    kept = _finite(seen.kept) if seen else []
    if len(kept) < ENOUGH or float(np.median(kept)) >= KEEPS:
        return None
    found = (
        f"between backward pass and step, gradients turn: a cosine of {np.median(kept):.2f} at the"
        " median step (last layer)"
    )
    fix = (
        "Look at what is done to .grad before optimizer.step(): noise that is not divided by the"
        " size of the batch, a sign, a sum with other gradients"
    )
    return Finding("recorded.altered", ALTERED, "error", found, "1, or a little less", fix, 0.94)


def forgets(evidence: Evidence) -> Finding | None:
    """An optimizer that goes by its past has one."""
    seen = evidence.recording
    if seen is None or seen.steps < ENOUGH or seen.forgot < 0.5 * seen.steps:
        return None
    found = f"at {seen.forgot} of {seen.steps} steps the optimizer remembers no step before"
    fix = "Make the optimizer once, before the loop; momentum and Adam's averages live in it"
    return Finding(
        "recorded.forgets", FORGETS, "error", found, "a memory from step to step", fix, 0.94
    )


def practised(evidence: Evidence) -> Finding | None:
    """No val photo is among those that were trained on."""
    met = evidence.met
    if met is None or met < MET:
        return None
    found = f"{met:.0%} of the val photos were met in some batches of the training, as they are"
    fix = (
        "Begin with a new network for each fold, and split before anything is trained: accuracy on"
        " photos that were learned says nothing"
    )
    return Finding("recorded.practised", PRACTISED, "error", found, "none", fix, 0.95)


def unheld(evidence: Evidence) -> Finding | None:
    """Every parameter that asks for a gradient is stepped."""
    seen = evidence.recording
    known = evidence.network is not None and evidence.network.optimised is not None
    if seen is None or not seen.unheld or seen.steps == 0 or known:
        return None
    found = f"{len(seen.unheld)} trainable parameters in no optimizer ({_some(seen.unheld)})"
    fix = "Make the optimizer after the last layer is replaced, from model.parameters()"
    return Finding("recorded.unheld", UNHELD, "error", found, "all of them", fix, 0.95)


def schedule(evidence: Evidence) -> Finding | None:
    """The learning rate stands near its largest for a good part of the steps."""
    loop, reached = evidence.loop, performance(evidence)
    rates, unit = _rates(evidence)
    if len(rates) < ENOUGH or reached is None or reached.lost < LOST:
        return None
    highest = max(rates)
    wanted = max(highest, loop.first_rate if loop else 0.0)
    if rates[-1] == highest > wanted / 2:  # it rises to its full height
        return None
    share = float(np.mean(rates)) / wanted if wanted else 1.0
    if share > HARDLY:
        return None
    found = (
        f"over {len(rates)} {unit} the learning rate is {share:.1%} of {wanted:.2g} in the"
        f" mean, {highest:.2g} at most and {rates[-1]:.2g} in the end"
    )
    fix = (
        "Give the scheduler the number of steps there are (a warm-up of a few per cent of them),"
        " and step it once a batch where it counts batches, once an epoch where it counts epochs"
    )
    return Finding(
        "recorded.schedule", SCHEDULE, "error", found, "a tenth of it, or more", fix, 0.9
    )


def _rates(evidence: Evidence) -> tuple[Sequence[float], str]:
    """Learning rates, and of what: of each step that was watched, or each epoch of the history."""
    if evidence.recording is not None and evidence.recording.rates:
        return evidence.recording.rates, "steps"
    rows = evidence.loop.history if evidence.loop else ()
    return [row["rate"] for row in rows if "rate" in row], "epochs"


def inputs(evidence: Evidence) -> Finding | None:
    """The network is trained on the loader's photos as they are."""
    seen, asked, given = evidence.recording, evidence.pulled, evidence.inputs
    reached = performance(evidence)
    if seen is None or given is None or asked is not None or not seen.pulls:
        return None
    if given.train_repeats is not True or reached is None or reached.lost < LOST:
        return None
    if evidence.substitution is not None and evidence.substitution.augmentation:
        return None  # a collate_fn of its own may change them, too
    low, high = min(p.low for p in seen.pulls), max(p.high for p in seen.pulls)
    found = (
        f"the gap opens in the inputs: of {sum(len(p.keys) for p in seen.pulls)} photos that the"
        f" network was trained on none is the loader's; values of {low:.3g} to {high:.3g}, in the"
        f" loader {given.train.min():.3g} to {given.train.max():.3g}"
    )
    fix = (
        "Look at what the loop does to a batch between loader and network (scaling, normalising,"
        " permuting, augmenting), and prepare photos for evaluation alike"
    )
    return Finding("recorded.inputs", OTHERS, "error", found, "the same photos", fix, 0.9)


def rate(evidence: Evidence) -> Finding | None:
    """Some step has a learning rate."""
    seen = evidence.recording
    told = evidence.loop is not None and bool(evidence.loop.rates) and max(evidence.loop.rates) == 0
    if seen is None or not seen.rates or told:
        return None
    none = float(np.mean(np.array(seen.rates) == 0))
    if none < 0.5:
        return None
    found = f"a learning rate of 0 at {none:.0%} of {len(seen.rates)} steps"
    fix = "Look at the scheduler: is it stepped each batch where it counts epochs?"
    return Finding("recorded.rate", ZERO_RATE, "error", found, "a rate above 0", fix, 0.97)


def same(evidence: Evidence) -> Finding | None:
    """Batches differ."""
    seen = evidence.recording
    size = evidence.train.size if evidence.train else 0
    if seen is None or len(seen.digests) < 2 * ENOUGH or not seen.labels:
        return None
    distinct, each = len(set(seen.digests)), len(seen.labels[0])
    if distinct > 2 or distinct * each >= 0.5 * size:
        return None
    found = f"{distinct} different batches among {len(seen.digests)}, of {size} photos"
    fix = "Draw a new batch at each step: next(iter(loader)) starts anew every time"
    return Finding("recorded.same", SAME_BATCH, "error", found, "a new batch each step", fix, 0.95)


def order(evidence: Evidence) -> Finding | None:
    """Batches mix classes as the whole set does."""
    seen = evidence.recording
    if seen is None or len(seen.labels) < 2 * ENOUGH or not seen.tells_labels:
        return None
    distinct = np.array([len(np.unique(labels)) for labels in seen.labels], float)
    expected = _expected_classes(seen)
    if expected < 1.5 or float(np.median(distinct)) > 0.5 * expected:
        return None
    found = (
        f"the median batch of {len(seen.labels[0])} photos has {np.median(distinct):.0f} classes"
    )
    fix = "Shuffle train: DataLoader(..., shuffle=True)"
    wanted = f"about {expected:.0f}, as mixed batches have"
    return Finding("recorded.order", SORTED, "error", found, wanted, fix, 0.93)


def _expected_classes(seen: Recording) -> float:
    """Expected number of classes in a batch of b drawn at random: sum_k 1 - (1 - p_k)^b."""
    shares = np.bincount(seen.drawn.clip(0)) / max(len(seen.drawn), 1)
    return float((1 - (1 - shares) ** len(seen.labels[0])).sum())


def drawn(evidence: Evidence) -> Finding | None:
    """Every class is drawn, about as often as val has it."""
    seen, val, asked = evidence.recording, evidence.val, evidence.pulled
    told = seen is not None and seen.tells_labels and (asked is None or asked.flat <= FEW)
    if seen is None or not told or val is None or len(seen.drawn) < 10 * evidence.classes:
        return None
    there = np.unique(val.labels[(val.labels >= 0) & (val.labels < evidence.classes)])
    counts = np.bincount(seen.drawn.clip(0), minlength=evidence.classes)[there]
    rare = counts < 0.1 * len(seen.drawn) / evidence.classes
    if len(there) < 3 or rare.mean() < 0.2:
        return None
    found = (
        f"{int(rare.sum())} of {len(there)} classes are hardly ever drawn ({len(seen.drawn)}"
        f" photos drawn: {', '.join(map(str, counts[:8]))}, ... a class)"
    )
    fix = "Look at the sampler and its weights: one weight for each photo, 1 / size of its class"
    return Finding("recorded.drawn", FEW_CLASSES, "error", found, "every class", fix, 0.95)


def decay(evidence: Evidence) -> Finding | None:
    """Weights move by the loss, not by their decay."""
    seen = evidence.recording
    sizes = seen.sizes if seen else None
    if seen is None or sizes is None or len(sizes.weights) < ENOUGH:
        return None
    shares = np.divide(sizes.decays, np.maximum(sizes.updates, 1e-30)).T
    strong = [n for n, s in zip(sizes.names, shares, strict=True) if _median(s) > PULL]
    shrunk = _shrunk(sizes)
    harmless = shrunk > 0.5 or not (_hardly_falls(seen) or shrunk < 0.05)
    if len(strong) < 0.5 * len(sizes.names) or harmless:
        return None
    found = (
        f"weight decay makes up more than {PULL:.0%} of the update of {len(strong)} of"
        f" {len(sizes.names)} parameters; weights shrank to {shrunk:.0%} of their size"
    )
    fix = "Lower weight_decay a hundredfold (1e-4 to 1e-2 are usual)"
    return Finding("recorded.decay", DECAYED, "error", found, "a few per cent", fix, 0.93)


def _shrunk(sizes: Sizes) -> float:
    """Median size of the weights at the end over that at the beginning."""
    first, last = sizes.weights[0], sizes.weights[-1]
    return float(np.median(last[first > 0] / first[first > 0])) if (first > 0).any() else 1.0


def finite(evidence: Evidence) -> Finding | None:
    """Gradients and losses are numbers."""
    seen = evidence.recording
    if seen is None or not any(seen.nonfinite):
        return None
    batches, steps = seen.nonfinite
    measured = len(seen.sizes.weights) if seen.sizes else 0
    often = batches > 0.1 * len(seen.losses) or steps > 0.1 * measured
    found = (
        f"losses of {batches} of {len(seen.losses)} batches and gradients of {steps} of"
        f" {measured} measured steps are nan or inf"
    )
    fix = "Lower the learning rate, clip gradients, and look for log(0) or 0 / 0 in the loss"
    severity: Severity = "error" if often else "note"
    return Finding("recorded.finite", NOT_FINITE, severity, found, "none", fix, 0.8)


def updates(evidence: Evidence) -> Finding | None:
    """A step moves weights by about a thousandth of their size."""
    seen = evidence.recording
    usable = seen is not None and seen.sizes is not None and len(seen.sizes.weights) >= ENOUGH
    if seen is None or seen.sizes is None or not usable or clipped(evidence) or rate(evidence):
        return None
    ratio = _typical(seen)
    found = f"updates are {ratio:.2g} of the weights at the median step and parameter"
    if ratio > HUGE:
        fix = "Lower the learning rate tenfold until the loss falls steadily"
        return Finding("recorded.updates", EXPLODING, "error", found, "about 1e-3", fix, 0.85)
    if ratio < TINY and _hardly_falls(seen):
        fix = "Raise the learning rate tenfold; look for a loss divided by a large number"
        return Finding("recorded.updates", VANISHING, "error", found, "about 1e-3", fix, 0.8)
    return None


def _typical(seen: Recording) -> float:
    """Median update over weight of what an optimizer holds."""
    sizes = seen.sizes
    if sizes is None:
        return math.nan
    held = [n not in seen.unheld for n in sizes.names]
    return _median(sizes.ratios[:, held].ravel())


def _median(values: Any) -> float:  # noqa: ANN401 (numbers in any shape)
    """Median of what is finite; nan where nothing is."""
    kept = _finite(values)
    return float(np.median(kept)) if kept else math.nan


def _hardly_falls(seen: Recording) -> bool:
    losses = _finite(seen.losses)
    part = max(1, len(losses) // 4)
    return len(losses) < ENOUGH or sum(losses[-part:]) > 0.95 * sum(losses[:part])


def _finite(values: Any) -> list[float]:  # noqa: ANN401 (numbers in any shape)
    array = np.asarray(values, np.float64)
    kept: list[float] = array[np.isfinite(array)].tolist()
    return kept


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")


CHECKS = (
    steps,
    discarded,
    inputs,
    schedule,
    zeroed,
    altered,
    forgets,
    practised,
    emptied,
    rate,
    unheld,
    clipped,
    decay,
    same,
    order,
    drawn,
    finite,
    updates,
)
