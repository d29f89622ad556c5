"""What did the training loop do, by what it left behind and what the loader gave it?"""

from collections.abc import Mapping, Sequence

import numpy as np

from florascope.doctor.checks.exchange import FIXES, HALVES, LOOP
from florascope.doctor.evidence import LOST, Drawn, Evidence, Finding, Labels, performance
from florascope.doctor.trials import FAILS, STEPS, Exchange

NOT_FINITE = "weights are not finite"
PILED_UP = "gradients are never zeroed"
CLIPPED = "gradients are clipped to almost nothing"
UNREACHED = "no gradient reaches some parameters"
DEAD = "units are dead: gradients are exactly zero"
SORTED = "train photos come sorted by class"
FEW_CLASSES = "the sampler hardly draws some classes"
ANEW = "weights are initialised again, or another network is evaluated"
REWRITTEN = "weights are changed between steps by something else than the optimizer"
SHORT = "training ended while it still improved: too few epochs, or stopped early"
FEW_PHOTOS = "the same few photos again and again"

PILE = 10.0  # times a fresh gradient
SLIVER = 1 / 30
MANY = 20  # steps
SOME = 30  # steps: fewer are hardly a training, where more reach what can be reached
FEW = 0.3  # different photos of those drawn
STEEP = 0.03  # of the loss, from one epoch to the next, by which it still falls
FAST = 0.15  # of the loss, in an epoch: it has hardly begun to level out
RISES = 0.05  # of val's accuracy in an epoch, above all epochs before
LONGER = (
    "Train for more epochs; if it was stopped early, look at what is monitored, in which direction"
    " (mode) and with how much patience"
)
FITTED = 0.3  # of the loss of a guess
MIXED = 0.5  # of the classes that a batch drawn at random has
EVEN = 0.7  # of the classes, counted by how often they come


def finite(evidence: Evidence) -> Finding | None:
    """No weight is NaN or infinite."""
    broken = evidence.traces.not_finite if evidence.traces else ()
    if not broken:
        return None
    return Finding(
        "loop.finite",
        NOT_FINITE,
        "error",
        f"{len(broken)} parameters hold NaN or infinity ({broken[0]} first)",
        "finite weights",
        "Look for log(0), a division by 0 or a learning rate too high; stop at the first loss that"
        " is not finite",
        0.97,
    )


def stepped(evidence: Evidence) -> Finding | None:
    """Where gradients were made, the optimizer moved the weights."""
    traces = evidence.traces
    if traces is None or traces.steps or not traces.as_made or not _lost(evidence):
        return None
    counted = traces.steps == 0
    made = counted and traces.gradient_left is not None
    return Finding(
        "loop.stepped",
        LOOP,
        "error",
        "the last layer's weights are as they are drawn: they never changed, or hardly; the"
        " optimizer "
        + ("remembers no step, though gradients were left" if made else "shows no trace of a step"),
        "as many steps as batches",
        "Call optimizer.step() after loss.backward(), on the optimizer of this very network, and"
        " evaluate the network that was trained",
        0.96 if made else 0.9 if counted else 0.7,
    )


def rewritten(evidence: Evidence) -> Finding | None:
    """A step finds the weights as the step before left them."""
    seen = evidence.recording
    if seen is None or not seen.rewritten or seen.steps < 2 or not _lost(evidence):
        return None
    return Finding(
        "loop.rewritten",
        REWRITTEN,
        "error",
        f"the gap opens in the training loop: {seen.rewritten} of {seen.steps} steps found other"
        " weights than the step before had left",
        "weights that the optimizer alone changes",
        "Look for weights that are initialised, loaded, averaged, clipped or copied between steps"
        " or epochs",
        0.9,
    )


def otherwise(evidence: Evidence) -> Finding | None:
    """The network that is evaluated is the one that training left."""
    traces = evidence.traces
    if traces is None or not traces.otherwise or not _lost(evidence):
        return None
    return Finding(
        "loop.otherwise",
        ANEW,
        "error",
        "the weights are not those that the last step of training left: they were changed, loaded"
        " or initialised again after it",
        "the weights that were trained",
        "Look at what is loaded or averaged after training (a checkpoint of the first epoch, an"
        " average of weights that hardly moves), and evaluate the network that was trained",
        0.86,
    )


def precise(evidence: Evidence) -> Finding | None:
    """Weights that train are kept in 32 bits."""
    narrow = evidence.traces.narrow if evidence.traces else ()
    if not narrow or not _lost(evidence):
        return None
    return Finding(
        "loop.precise",
        HALVES,
        "error",
        f"{len(narrow)} parameters that train are kept in half precision ({narrow[0]} first): an"
        " update below 1/256 (bfloat16) or 1/2048 (float16) of a weight changes nothing, and in"
        " float16 small numbers become 0, large ones infinite",
        "weights in float32",
        FIXES[HALVES],
        0.9,
    )


def restored(evidence: Evidence) -> Finding | None:
    """After many steps the weights are no longer as they were drawn."""
    traces, tried = evidence.traces, evidence.substitution
    if traces is None or tried is None or tried.exchange is None or not _lost(evidence):
        return None
    moves = _each_part_sound(tried.exchange, evidence) and bool(tried.exchange.own)
    if not traces.as_made or not traces.steps or traces.steps < MANY or not moves:
        return None
    return Finding(
        "loop.restored",
        ANEW,
        "error",
        f"the optimizer made {traces.steps} steps, and the last layer's weights look as they are"
        " drawn",
        "weights that training moved",
        "Look for weights that are initialised or loaded again after or between epochs, and"
        " evaluate the network that the optimizer holds",
        0.85,
    )


def short(evidence: Evidence) -> Finding | None:
    """The loss has stopped falling where training ends."""
    tried = evidence.substitution
    rows = evidence.loop.history if evidence.loop else ()
    losses = [row["train_loss"] for row in rows if "train_loss" in row]
    if tried is None or tried.exchange is None or not _lost(evidence):
        return _rising(losses, rows, evidence.classes)
    steps = _steps(evidence)
    if steps >= STEPS:  # trying again took no more
        return None
    sound = _each_part_sound(tried.exchange, evidence)
    guess = float(np.log(max(evidence.classes, 2)))
    falling = len(losses) > 1 and losses[-1] < (1 - STEEP) * min(losses[-2], losses[0])
    if not sound or (losses and losses[-1] < FITTED * guess) or not (falling or 0 < steps < SOME):
        return None
    text = (
        f"in the last of {len(losses)} epochs the train loss still falls, from {losses[-2]:.3g}"
        f" to {losses[-1]:.3g} (a guess has {guess:.3g})"
        if falling
        else f"the optimizer made only {steps} steps"
    )
    return Finding(
        "loop.short",
        SHORT,
        "error",
        f"{text}; every part of the training is sound by itself",
        "a loss that hardly falls any more",
        LONGER,
        0.85,
    )


def _each_part_sound(seen: Exchange, evidence: Evidence) -> bool:
    """Whether a sound training reaches what can be, and as much with each of the script's parts."""
    reached = performance(evidence)
    if reached is None or seen.sound <= reached.reachable - FAILS:
        return False
    return min(seen.own.values(), default=1.0) > seen.sound - FAILS


def _rising(
    losses: Sequence[float], rows: Sequence[Mapping[str, float]], classes: int
) -> Finding | None:
    """By the history alone: the last epoch gained much, and much is left to gain."""
    told = [row["val_top1"] for row in rows if "val_top1" in row]
    guess = float(np.log(max(classes, 2)))
    if min(len(losses), len(told)) < 2 or losses[-1] < FITTED * guess:
        return None
    falls = losses[-1] < (1 - FAST) * min(losses[:-1])
    if not falls or told[-1] < max(told[:-1]) + RISES:
        return None
    return Finding(
        "loop.short",
        SHORT,
        "warning",
        f"in the last of {len(losses)} epochs the train loss still falls, from {losses[-2]:.3g}"
        f" to {losses[-1]:.3g}, and the validation accuracy rises from {told[-2]:.0%} to"
        f" {told[-1]:.0%}",
        "figures that hardly improve any more",
        LONGER,
        0.75,
    )


def _steps(evidence: Evidence) -> int:
    """Steps that the run is known to have made."""
    counted = (
        evidence.traces.steps if evidence.traces else None,
        evidence.recording.steps if evidence.recording else None,
    )
    return max((steps for steps in counted if steps), default=0)


def zeroed(evidence: Evidence) -> Finding | None:
    """The gradient that is left is one batch's, not the sum of all."""
    ratio, seen = _left(evidence), evidence.recording
    watched = seen is not None and seen.added is not None  # the loop itself says more
    if ratio is None or ratio < PILE or watched:
        return None
    found = f"the gradient that is left is {ratio:.0f} times one batch's: gradients pile up"
    fix = "Call optimizer.zero_grad() in every step, before loss.backward()"
    return Finding("loop.zeroed", PILED_UP, "error", found, "about one batch's", fix, 0.85)


def clipped(evidence: Evidence) -> Finding | None:
    """The gradient that is left is one batch's, not a sliver of it."""
    ratio, traces = _left(evidence), evidence.traces
    # Of a batch that was learned by heart little is left, too: then weights have moved.
    if ratio is None or ratio > SLIVER or traces is None or not traces.as_made:
        return None
    found = f"the gradient that is left is {ratio:.2g} times one batch's: hardly anything moves"
    fix = "Raise max_norm of clip_grad_norm_ to 1 or more, or drop it; do not scale the loss down"
    return Finding("loop.clipped", CLIPPED, "error", found, "about one batch's", fix, 0.85)


def _left(evidence: Evidence) -> float | None:
    """Gradient left over a fresh one, of a run that lost something."""
    traces = evidence.traces
    if traces is None or not traces.gradient_fresh or not _lost(evidence):
        return None
    ratio = (traces.gradient_left or 0.0) / traces.gradient_fresh
    return ratio if 0 < ratio < np.inf else None


def reached(evidence: Evidence) -> Finding | None:
    """Every trainable parameter gets a gradient."""
    traces, network = evidence.traces, evidence.network
    if traces is None or network is None or not traces.unreached:
        return None
    meant = set(network.optimised if network.optimised is not None else network.trainable)
    silent = [name for name in traces.unreached if name in meant]
    if not silent or traces.not_finite:
        return None
    return Finding(
        "loop.reached",
        UNREACHED,
        "error",
        f"{len(silent)} of {len(meant)} parameters that should train get no gradient ({silent[0]}"
        " first): they never change",
        "a gradient for each",
        "Look for detach(), .data or torch.no_grad() in forward, and for units that are dead; set"
        " requires_grad = False where a part is meant to be frozen",
        0.9 if _lost(evidence) else 0.7,
    )


def shuffled(evidence: Evidence) -> Finding | None:
    """A batch holds as many classes as one drawn at random."""
    drawn = evidence.drawn
    if drawn is None or len(drawn.batches) < 2:
        return None
    seen, expected = _classes_in_batches(drawn)
    if seen > MIXED * expected or expected < 1.5:
        return None
    return Finding(
        "loop.shuffled",
        SORTED,
        "error",
        f"a batch holds {seen:.1f} classes in the mean; drawn at random it would hold"
        f" {expected:.1f}",
        "batches of mixed classes",
        "Shuffle the train loader: DataLoader(..., shuffle=True)",
        0.9,
    )


def _classes_in_batches(drawn: Drawn) -> tuple[float, float]:
    """Mean number of classes in a batch, as drawn and after shuffling."""
    sizes = np.cumsum([len(batch) for batch in drawn.batches])[:-1]
    mixed = np.random.default_rng(0).permutation(np.concatenate(drawn.batches))
    ways = (drawn.batches, np.split(mixed, sizes))
    seen, expected = (float(np.mean([len(np.unique(b)) for b in way])) for way in ways)
    return seen, expected


def balanced(evidence: Evidence) -> Finding | None:
    """The sampler draws about as many classes as there are."""
    drawn = evidence.drawn
    if drawn is None or drawn.there is None or shuffled(evidence) is not None:
        return None
    came = np.concatenate(drawn.batches)
    ours, there = (_effective(labels, evidence.classes) for labels in (came, drawn.there))
    if ours > EVEN * there:
        return None
    counts = np.bincount(came, minlength=evidence.classes)
    rare = [int(k) for k in np.unique(drawn.there) if counts[k] < 0.2 * len(came) / there]
    return Finding(
        "loop.balanced",
        FEW_CLASSES,
        "error",
        f"of {len(came)} photos drawn, classes {_list(rare)} are hardly ever seen: about"
        f" {ours:.1f} classes' worth, where the data set has {there:.1f}",
        "classes drawn about as often as they are there, or evenly",
        "Check the sampler's weights (1 / the number of photos of the photo's class)",
        0.93,
    )


def _effective(labels: Labels, classes: int) -> float:
    """The exponential of the entropy of the classes."""
    share = np.bincount(labels, minlength=classes) / len(labels)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" and others" if len(numbers) > 5 else "")


def different(evidence: Evidence) -> Finding | None:
    """The loader gives different photos."""
    drawn = evidence.drawn
    total = sum(map(len, drawn.batches)) if drawn else 0
    if drawn is None or len(drawn.batches) < 2 or drawn.distinct > FEW * total:
        return None
    # A generator without an end gives all photos, and then all of them again.
    if drawn.once == drawn.distinct > len(drawn.batches[0]):
        return None
    if balanced(evidence) is not None:  # few classes have few photos
        return None
    return Finding(
        "loop.different",
        FEW_PHOTOS,
        "error",
        f"{drawn.distinct} different photos among {total} drawn in {len(drawn.batches)} batches:"
        " the same batch or photos come again and again",
        "each photo once an epoch",
        "Iterate over the whole loader in every epoch (next(iter(loader)) outside the loop keeps"
        " one batch); check the files for copies of one picture",
        0.93,
    )


def _lost(evidence: Evidence) -> bool:
    reached = performance(evidence)
    return reached is not None and (reached.lost >= LOST or not reached.learned)


def alive(evidence: Evidence) -> Finding | None:
    """Gradients are not exactly 0."""
    traces, network = evidence.traces, evidence.network
    if traces is None or network is None or not traces.dead or not _lost(evidence):
        return None
    return Finding(
        "loop.alive",
        DEAD,
        "error",
        f"{len(traces.dead)} of {len(network.trainable)} parameters have a gradient of exactly 0"
        f" ({traces.dead[0]} first): units are dead, or weights 0",
        "gradients other than 0",
        "Lower the learning rate, draw initial weights anew, or use LeakyReLU",
        0.6,
    )


CHECKS = (
    finite,
    precise,
    stepped,
    rewritten,
    otherwise,
    restored,
    short,
    different,
    shuffled,
    balanced,
    zeroed,
    clipped,
    reached,
    alive,
)
