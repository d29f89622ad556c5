"""Which part of the training loses the accuracy, by exchanging one at a time?"""

from dataclasses import replace

from florascope.doctor.checks.layers import DROPPED
from florascope.doctor.evidence import LOST, Evidence, Finding, Performance, performance
from florascope.doctor.trials import FAILS, Exchange, Part, Substitution

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
PENALTY = "the penalty on the weights (regularisation) is too strong"
ACTIVATION = "activations of hidden layers through which nothing is learned"
INITIAL = "initial weights from which nothing is learned"
LOOP = "training loop broken"

PROPER = frozenset({"softmax", "log-softmax"})  # tails that cross-entropy can be trained through
HALF = 0.5  # of what a small network learns beyond chance: other networks learn slower
USUAL_RATE = 3e-3

FIXES = {
    NETWORK: "Check activations (through many sigmoids gradients vanish), initial values, widths,"
    " and that gradients reach every layer",
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
    INITIAL: "Leave the initializers at their defaults (Glorot or He)",
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
        _network(tried, tried.exchange, reached)
        or _one_part(tried, tried.exchange, reached)
        or _together(tried, tried.exchange, reached)
        or _augmentation(tried, reached)
        or _loop(tried, tried.exchange, reached)
    )


def _augmentation(tried: Substitution, reached: Performance) -> Finding | None:
    """Photos prepared as val's are teach a small network more than those of train."""
    if tried.plain is None or not _fails(tried.reference, tried.plain, reached):
        return None
    found = (
        f"a small convolutional network of our own learns {tried.reference:.0%} of val from train"
        f" photos as their loader gives them{_steps(tried)}, {tried.plain:.0%} from the same photos"
        f" prepared as val's are; the run {reached.run:.0%}"
    )
    return _finding(AUGMENTATION, found, tried.reference, tried.plain, reached)


def _network(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    if seen.sound - reached.chance > HALF * (tried.reachable - reached.chance):
        return None
    cause = NETWORK if tried.what == "network" else FEATURES
    found = (
        f"with every other part sound, {WHAT[tried.what]} reaches {seen.sound:.0%}; a small"
        f" convolutional network of our own {tried.reachable:.0%} on the same photos"
    )
    return _finding(cause, found, seen.sound, tried.reachable, reached)


def _one_part(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    """The part that makes a sound training fail most."""
    failing = [p for p, top1 in seen.own.items() if _fails(top1, seen.sound, reached)]
    if "tail" in failing and "loss" in seen.own and "loss" not in failing:
        failing.remove("tail")  # the two belong together, such as log-softmax and NLLLoss
    if "augmentation" in failing and "order" in failing:
        failing.remove("order")  # its batches are augmented, too
    if not failing:
        return None
    part = min(failing, key=lambda p: seen.own[p])
    found = (
        f"{WHAT[tried.what]}, everything sound: {seen.sound:.0%}; with {_yours(part, tried)} alone"
    )
    found += f" {seen.own[part]:.0%}; the run {reached.run:.0%}"
    cause = CAUSES[part]
    if part in {"optimizer", "loss"}:
        cause, more = _setting(tried, seen, part)
        found += more
    return _finding(cause, found, seen.own[part], seen.sound, reached)


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
        "lr": LOW if tried.rate < USUAL_RATE else HIGH,
        "label_smoothing": SMOOTHED,
        "weight": WEIGHTS,
    }
    return causes.get(best, CAUSES[part]), more


def _together(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    """Parts that fail together alone: the one whose exchange repairs the whole best."""
    if not _fails(seen.whole, seen.sound, reached):
        return None
    part = max(seen.repaired, key=lambda p: seen.repaired[p], default=None)
    if part is None or seen.repaired[part] < seen.whole + FAILS:
        return None
    found = (
        f"{WHAT[tried.what]}, with all parts as you have them: {seen.whole:.0%}; with"
        f" {_yours(part, tried)} exchanged for a sound one {seen.repaired[part]:.0%}"
    )
    return _finding(CAUSES[part], found, seen.whole, seen.repaired[part], reached)


def _loop(tried: Substitution, seen: Exchange, reached: Performance) -> Finding | None:
    """All parts are sound: what the loop does with them is not."""
    best = max(seen.whole, seen.sound)
    if tried.tail and tried.tail not in PROPER and "loss" not in seen.own:
        found = f"{tried.tail} of the last layer's outputs before cross-entropy; the run"
        found += f" {reached.run:.0%}, trained again from other weights {best:.0%}"
        return replace(_finding(TAIL, found, reached.run, best, reached), confidence=0.6)
    found = (
        f"run {reached.run:.0%}; {WHAT[tried.what]}, trained again with your own parts, reaches"
        f" {best:.0%}: network, loss, optimizer and photos are sound"
    )
    return _finding(LOOP, found, reached.run, best, reached)


GENERAL = {LOOP: "loop", NETWORK: "network", FEATURES: "network"}
"""Causes that leave open what is wrong, by the end of their check's name."""

WHAT = {
    "": "",
    "head": "the last layer, on its features",
    "network": "the whole network, drawn anew",
}
CAUSES: dict[Part, str] = {
    "augmentation": AUGMENTATION,
    "tail": TAIL,
    "loss": LOSS,
    "penalty": PENALTY,
    "dropout": DROPPED,
    "activation": ACTIVATION,
    "initial": INITIAL,
    "optimizer": OPTIMIZER,
    "order": ORDER,
}


def _yours(part: Part, tried: Substitution) -> str:
    words: dict[Part, str] = {
        "augmentation": f"train photos prepared and augmented as you do{_steps(tried)}",
        "tail": f"your tail ({tried.tail} of the last layer's outputs)",
        "loss": "your loss",
        "penalty": "your penalties on weights or outputs (regularizers)",
        "dropout": "your dropout",
        "activation": "your activations of hidden layers",
        "initial": "your initial weights",
        "optimizer": f"your optimizer ({tried.optimizer})",
        "order": "batches as your loader gives them",
    }
    return words[part]


def _steps(tried: Substitution) -> str:
    return f" ({tried.augmentation})" if tried.augmentation else ""


def _fails(top1: float, sound: float, reached: Performance) -> bool:
    return top1 < sound - max(FAILS, 0.25 * (sound - reached.chance))


def _finding(cause: str, found: str, low: float, high: float, reached: Performance) -> Finding:
    """The more of the run's gap the exchange makes, the surer."""
    gap = max(reached.reachable - reached.run, 1e-6)
    share = min(max((high - low) / gap, 0.0), 1.0)
    sure = 0.5 + 0.4 * share if cause not in GENERAL else 0.4 + 0.3 * share
    return Finding(
        f"exchange.{GENERAL.get(cause, 'part')}",
        cause,
        # Who has come half of the way may only have trained too little.
        "error" if reached.lost >= HALF or not reached.learned else "warning",
        found,
        f"about {reached.reachable:.0%}, which these photos can give",
        FIXES[cause],
        round(sure, 2),
    )


CHECKS = (exchanged,)
