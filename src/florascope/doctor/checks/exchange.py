"""Which part of the training loses the accuracy, by exchanging one at a time?"""

from collections.abc import Iterator
from dataclasses import replace

from florascope.doctor.checks.layers import DROPPED
from florascope.doctor.evidence import (
    AS_IT_IS,
    LOST,
    Evidence,
    Finding,
    Performance,
    performance,
    standard_error,
)
from florascope.doctor.retouching import ANEW, AS_TRAIN, looked_at
from florascope.doctor.trials import FAILS, RATE, Exchange, Part, Substitution

NETWORK = "the network cannot learn these photos"
AUGMENTATION = "augmentation of the train photos spoils what tells the classes apart"
TAIL = "what follows the last layer spoils the training"
FEATURES = "inputs or weights broken"
LOSS = "the loss does not fit the network or the labels"
SMOOTHED = "label smoothing too strong"
WEIGHTS = "the loss's class weights spoil the training"
DECAY = "weight decay too strong"
LOW = "learning rate too low"
HIGH = "learning rate too high"
OPTIMIZER = "the optimizer's settings spoil the training"
ORDER = "the order or choice of the train photos spoils the training"
COUNTED = "the photos' weights in the loss (sample_weight) spoil the training"
STEP = "a train_step or compute_loss of the model's own spoils the training: its steps are at fault"
PREPARED = "val photos are prepared otherwise than those that the network learned from"
INPUTS = "photos lose what tells the classes apart on their way from file to network"
PENALTY = "the penalty on the weights (regularisation) is too strong"
HALVES = "weights kept in 16 bits: small updates are rounded away"
ACTIVATION = "activations of hidden layers through which nothing is learned"
INITIAL = "initial weights from which nothing is learned"
LOOP = "training loop broken"
UNFIT = "the last layer does not fit the features that the network gives now"
SPOILT = "training has spoilt the features: learning rate too high below the last layer"

PROPER = frozenset({"softmax", "log-softmax"})  # tails that cross-entropy can be trained through
HALF = 0.5  # of what a small network learns beyond chance: other networks learn slower
GAINED, MUCH = 0.12, 0.18  # of accuracy: from which to warn, and to be sure

FIXES = {
    NETWORK: "Check activations (through many sigmoids gradients vanish), initial values, widths,"
    " and that gradients reach every layer",
    SPOILT: "Freeze what is pretrained, or train it at a hundredth of the last layer's rate; where"
    " nothing is pretrained, check activations and initial values",
    UNFIT: "It hardly trained, or on other features: cached in another mode (train() for eval()),"
    " in another order, or from other weights; then check the loop: zero_grad(), backward() and"
    " step() in every step",
    FEATURES: "Check the input's scale, the weights, and that what is frozen is pretrained",
    AUGMENTATION: "Take the augmentation off, then put one step after the other back; leave out"
    " those that change a photo's class (flips of left and right, turns, colours, crops too small),"
    " and prepare train and val alike apart from them",
    TAIL: "Return the last layer's outputs as they are, as logits",
    LOSS: "Use cross-entropy on logits, with the class's number as label",
    SMOOTHED: "Set label_smoothing to 0, then try 0.1",
    WEIGHTS: "Leave the weights out, or give rare classes the larger ones",
    DECAY: "Set weight_decay to 0, then try 1e-4 to 1e-2",
    LOW: "Raise it tenfold until the loss falls in a few dozen steps",
    HIGH: "Lower it tenfold until the loss falls steadily",
    OPTIMIZER: "Use Adam or AdamW at 1e-3 with their usual settings",
    PENALTY: "Drop the regularizers, or make them a thousandfold weaker (1e-5 to 1e-3 are usual)",
    DROPPED: "Lower the rate, which is the share that is dropped: 0.1 to 0.5",
    ACTIVATION: "Use ReLU (or GELU, SiLU) in hidden layers: softmax and sigmoid saturate, their"
    " gradients vanish; softmax belongs behind the last layer alone",
    HALVES: "Keep weights in float32 and use mixed precision (autocast, mixed_float16) for the"
    " passes alone",
    INITIAL: "Leave the initializers at their defaults (Glorot or He)",
    COUNTED: "Divide the weights by their mean, so that photos count 1 on average, or leave them"
    " out",
    STEP: "Look at what it does beside the usual: are gradients cleared, of this batch's loss, and"
    " given to the optimizer for all trainable weights, once a batch?",
    INPUTS: "Look at what the loader does to a photo: its size (a backbone wants about the size"
    " that it was taught on), colour (Grayscale, convert('L')), crop",
    ORDER: "Draw photos at random from all classes: shuffle=True, without a sampler",
    LOOP: "Check the loop: zero_grad(), backward() and step() in every step, no clipping to almost"
    " nothing, a new batch each time, weights that are not initialised or loaded again"
    " between epochs, and that the trained network is the one evaluated",
}


def exchanged(evidence: Evidence) -> Finding | None:
    """No part of the training, put into a sound one, makes it fail."""
    tried, reached = evidence.substitution, performance(evidence)
    if tried is None or reached is None or reached.lost < LOST:
        return None
    if tried.exchange is None:
        return _augmentation(tried, reached)
    return (
        _network(evidence, tried.exchange, reached)
        or next(_single_parts(tried, tried.exchange, reached), None)
        or _together(tried, tried.exchange, reached)
        or _augmentation(tried, reached)
        or _loop(tried, tried.exchange, reached)
    )


def inputs(evidence: Evidence) -> Finding | None:
    """Photos from their files teach no more than the loader's do."""
    tried = evidence.substitution
    seen, val = tried.files if tried else None, evidence.val_answers
    if seen is None or val is None or not evidence.trained:
        return None
    gained = seen.top1 - seen.loaded
    doubt = 2 * standard_error(seen.loaded, len(val.labels))
    if gained < max(GAINED, doubt):
        return None
    return Finding(
        "exchange.inputs",
        INPUTS,
        "error" if gained >= MUCH and val.top1 < seen.top1 - MUCH else "warning",
        f"the gap opens in the inputs: of val {seen.loaded:.0%} can be learned from photos as they"
        f" are loaded ({seen.side} pixels a side), {seen.top1:.0%} from the same photos whole and"
        f" in colour from their files ({seen.there} pixels)",
        "photos that show as much as their files, as far as it matters",
        FIXES[INPUTS],
        0.88,
    )


def prepared(evidence: Evidence) -> Finding | None:
    """Val photos that are prepared otherwise than their loader does it are answered no better."""
    shares, val = evidence.exchanged, evidence.val_answers
    how = max(
        (way for way in (AS_TRAIN, ANEW) if way in shares), key=shares.__getitem__, default=""
    )
    if not how or val is None or not evidence.trained:
        return None
    given, best = shares[AS_IT_IS], shares[how]
    photos = len(val.labels[looked_at(len(val.labels))])
    if best - given < max(MUCH, 3 * standard_error(given, photos)):
        return None
    return Finding(
        "exchange.prepared",
        PREPARED,
        "error",
        f"of {photos} val photos the network names {given:.0%} as their loader prepares them,"
        f" {best:.0%} once they are {how}",
        "about as many",
        "Look at what val's loader does to a photo beside what train's does: reading, order of the"
        " channels, size and crop, scaling; prepare both alike, apart from what is random",
        0.93,
    )


def another(evidence: Evidence) -> Finding | None:
    """No second part makes a sound training fail, too."""
    tried, reached = evidence.substitution, performance(evidence)
    if tried is None or tried.exchange is None or reached is None or reached.lost < LOST:
        return None
    if _network(evidence, tried.exchange, reached):
        return None
    _, second = (*_single_parts(tried, tried.exchange, reached), None, None)[:2]
    return second


def _augmentation(tried: Substitution, reached: Performance) -> Finding | None:
    """Photos prepared as val's are teach a small network more than those of train."""
    if tried.plain is None or not _fails(tried.reference, tried.plain, reached):
        return None
    found = (
        f"a small convolutional network of our own learns {tried.reference:.0%} of val from train"
        f" photos as their loader gives them{_steps(tried)}, {tried.plain:.0%} from the same photos"
        f" prepared as val's are; the run {reached.run:.0%}"
    )
    return _finding("augmentation", AUGMENTATION, found, (tried.reference, tried.plain), reached)


def _network(evidence: Evidence, seen: Exchange, reached: Performance) -> Finding | None:
    tried = evidence.substitution
    if tried is None or seen.sound - reached.chance > HALF * (tried.reachable - reached.chance):
        return None
    found = (
        f"with every other part sound, {WHAT[tried.what]} reaches {seen.sound:.0%}; a small"
        f" convolutional network of our own {tried.reachable:.0%} on the same photos"
    )
    levels = (seen.sound, tried.reachable)
    if tried.what == "network":
        return _finding("network", NETWORK, found, levels, reached)
    rates = evidence.loop.rates if evidence.loop else ()
    if not rates or not _moved(evidence):
        return _finding("features", FEATURES, found, levels, reached)
    found += f"; below it weights train, too, at rates up to {max(rates):g}"
    return _finding("features", SPOILT, found, levels, reached)


def _moved(evidence: Evidence) -> bool:
    """Whether the optimizer moves more than the last layer."""
    network = evidence.network
    held = network.optimised if network else None
    return network is not None and bool(
        set(held or ()) & set(network.trainable) - set(network.head)
    )


def _single_parts(tried: Substitution, seen: Exchange, reached: Performance) -> Iterator[Finding]:
    """The parts that make a sound training fail by themselves, the worst first."""
    failing = [p for p, top1 in seen.own.items() if _fails(top1, seen.sound, reached)]
    if "tail" in failing and "loss" in seen.own and "loss" not in failing:
        failing.remove("tail")  # the two belong together, such as log-softmax and NLLLoss
    if "augmentation" in failing and "order" in failing:
        failing.remove("order")  # its batches are augmented, too
    if "loss" in failing and "step" in failing:
        failing.remove("step")  # it was tried with the script's loss
    for part in sorted(failing, key=lambda p: seen.own[p]):
        found = (
            f"{WHAT[tried.what]}, everything sound: {seen.sound:.0%}; with"
            f" {_yours(part, tried)} alone {seen.own[part]:.0%}; the run {reached.run:.0%}"
        )
        cause = CAUSES[part]
        if part in {"optimizer", "loss"}:
            cause, more = _setting(tried, seen, part)
            found += more
        yield _finding(part, cause, found, (seen.own[part], seen.sound), reached)


def _setting(tried: Substitution, seen: Exchange, part: Part) -> tuple[str, str]:
    """The setting of the optimizer, or the loss, whose exchange repairs most."""
    if not tried.settings:
        return CAUSES[part], ""
    best = max(tried.settings, key=lambda name: tried.settings[name])
    if tried.settings[best] < seen.own[part] + FAILS:
        return CAUSES[part], ""
    more = f"; with the usual {best} {tried.settings[best]:.0%}"
    causes = {
        "weight_decay": DECAY,
        "lr": LOW if tried.rate < RATE else HIGH,
        "label_smoothing": SMOOTHED,
        "weight": WEIGHTS,
    }
    return causes.get(best, CAUSES[part]), more


def _together(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    """Parts that fail together alone: the fewest whose exchange repairs the whole best."""
    if not _fails(seen.whole, seen.sound, reached):
        return None
    best = max(seen.repaired.values(), default=0.0)
    if best < seen.whole + FAILS:
        return None
    near = [some for some, top1 in seen.repaired.items() if top1 > best - FAILS]
    # Another optimizer hides what a step of the model's own does to the gradients.
    parts = min(near, key=lambda some: ("step" not in some, -seen.repaired[some]))
    yours = " and ".join(_yours(part, tried) for part in parts)
    found = (
        f"{WHAT[tried.what]}, with all parts as you have them: {seen.whole:.0%}; with"
        f" {yours} exchanged for sound ones {seen.repaired[parts]:.0%}"
    )
    cause = "; ".join(CAUSES[part] for part in parts)
    return _finding(parts[0], cause, found, (seen.whole, seen.repaired[parts]), reached)


def _loop(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    """All parts are sound: what the loop does with them is not."""
    best = max(seen.whole, seen.sound)
    if tried.tail and tried.tail not in PROPER and "loss" not in seen.own:
        text = (
            f"{tried.tail} of the last layer's outputs before cross-entropy; the run"
            f" {reached.run:.0%}, trained again from other weights {best:.0%}"
        )
        unsure = _finding("tail", TAIL, text, (reached.run, best), reached)
        return replace(unsure, confidence=0.6)
    found = (
        f"run {reached.run:.0%}; {WHAT[tried.what]}, trained again with your own parts, reaches"
        f" {best:.0%}: network, loss, optimizer and photos as they were given are sound"
    )
    return _finding(
        "loop", UNFIT if tried.what == "head" else LOOP, found, (reached.run, best), reached
    )


GENERAL = {LOOP: "loop", NETWORK: "network", FEATURES: "network"}
"""Causes that leave open what is wrong, by the end of their check's name."""

WHERE: dict[str, str] = {
    "augmentation": "the preparation and augmentation of the train photos",
    "tail": "what follows the last layer, before the loss",
    "loss": "the loss",
    "precision": "the precision of the weights",
    "penalty": "the penalties on the weights",
    "dropout": "the dropout",
    "activation": "the activations of hidden layers",
    "initial": "the initial weights",
    "optimizer": "the optimizer",
    "order": "the order or choice of the train photos",
    "weights": "the loss, in the photos' weights",
    "step": "the steps of the model's own train_step or compute_loss",
    "network": "the network",
    "features": "the features that the last layer gets",
    "loop": "the training loop",
}

WHAT = {
    "": "",
    "head": "a fresh last layer (head) on the same features",
    "network": "the whole network, drawn anew",
}
CAUSES: dict[Part, str] = {
    "augmentation": AUGMENTATION,
    "tail": TAIL,
    "loss": LOSS,
    "precision": HALVES,
    "penalty": PENALTY,
    "dropout": DROPPED,
    "activation": ACTIVATION,
    "initial": INITIAL,
    "optimizer": OPTIMIZER,
    "order": ORDER,
    "weights": COUNTED,
    "step": STEP,
}


def _yours(part: Part, tried: Substitution) -> str:
    words: dict[Part, str] = {
        "augmentation": f"train photos prepared, augmented and mixed as you do{_steps(tried)}",
        "tail": f"your tail ({tried.tail} of the last layer's outputs)",
        "loss": "your loss",
        "precision": "your weights in 16 bits",
        "penalty": "your penalties on weights or outputs (regularizers)",
        "dropout": "your dropout",
        "activation": "your activations of hidden layers",
        "initial": "your initial weights",
        "optimizer": f"your optimizer ({tried.optimizer})",
        "order": "batches as your loader gives them",
        "weights": "your photos' weights in the loss (sample_weight)",
        "step": "your own train_step (or compute_loss)",
    }
    return words[part]


def _steps(tried: Substitution) -> str:
    return f" ({tried.augmentation})" if tried.augmentation else ""


def _fails(top1: float, sound: float, reached: Performance) -> bool:
    return top1 < sound - max(FAILS, 0.25 * (sound - reached.chance))


def _finding(
    where: str, cause: str, found: str, levels: tuple[float, float], reached: Performance
) -> Finding:
    """Where the gap opens; the more of it the exchange makes (from low to high), the surer."""
    low, high = levels
    share = reached.share(high, low)
    name = "head" if cause == UNFIT else GENERAL.get(cause, "part")
    sure = 0.5 + 0.4 * share if cause not in GENERAL else 0.4 + 0.3 * share
    return Finding(
        f"exchange.{name}",
        cause,
        # Who has come half of the way may only have trained too little.
        "error" if reached.lost >= HALF or not reached.learned else "warning",
        f"the gap opens in {WHERE[where]}: {found}",
        f"about {reached.reachable:.0%}, which these photos can give",
        "; ".join(FIXES[one] for one in cause.split("; ")),
        round(sure, 2),
        share,
    )


CHECKS = (inputs, prepared, exchanged, another)
