"""Which part of the training loses the accuracy, by exchanging one at a time?"""

from dataclasses import replace

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding
from florascope.doctor.performance import LOST, Performance, performance
from florascope.doctor.trials import Part, Substitution

NETWORK = "the network cannot learn these photos"
TAIL = "what follows the last layer spoils the training"
FEATURES = "inputs or weights broken"
LOSS = "the loss does not fit the network or the labels"
DECAY = "weight decay too strong"
LOW = "learning rate too low"
HIGH = "learning rate too high"
OPTIMIZER = "the optimizer's settings spoil the training"
ORDER = "the order or choice of the train photos spoils the training"
LOOP = "training loop broken"

PROPER = frozenset({"softmax", "log-softmax"})  # tails that cross-entropy can be trained through
HALF = 0.5  # of what a small network learns beyond chance: other networks learn slower
FAILS = 0.15  # of accuracy: more than short trainings differ by
USUAL_RATE = 3e-3

FIXES = {
    NETWORK: "Check activations, initial values, widths, and that gradients reach every layer",
    FEATURES: "Check the input's scale, the weights, and that what is frozen is pretrained",
    TAIL: "Return the last layer's outputs as they are, as logits",
    LOSS: "Use cross-entropy on logits, with the class's number as label",
    DECAY: "Set weight_decay to 0, then try 1e-4 to 1e-2",
    LOW: "Raise it tenfold until the loss falls in a few dozen steps",
    HIGH: "Lower it tenfold until the loss falls steadily",
    OPTIMIZER: "Use Adam or AdamW at 1e-3 with their usual settings",
    ORDER: "Draw photos at random from all classes: shuffle=True, without a sampler",
    LOOP: "Check the loop: zero_grad(), backward() and step() in every step, no clipping to almost"
    " nothing, a new batch each time, initial weights that are neither 0 nor huge, and"
    " that the trained network is the one evaluated",
}


def exchanged(evidence: Evidence) -> Finding | None:
    """No part of the training, put into a sound one, makes it fail."""
    tried, reached = evidence.substitution, performance(evidence)
    if tried is None or reached is None or not tried.what or reached.lost < LOST:
        return None
    return (
        _network(tried, reached)
        or _one_part(tried, reached)
        or _together(tried, reached)
        or _loop(tried, reached)
    )


def _network(tried: Substitution, reached: Performance) -> Finding | None:
    if tried.sound - reached.chance > HALF * (tried.reference - reached.chance):
        return None
    cause = NETWORK if tried.what == "network" else FEATURES
    found = (
        f"with every other part sound, {WHAT[tried.what]} reaches {tried.sound:.0%}; a small"
        f" convolutional network of our own {tried.reference:.0%} on the same photos"
    )
    return _finding(cause, found, tried.sound, tried.reference, reached)


def _one_part(tried: Substitution, reached: Performance) -> Finding | None:
    """The first part that makes a sound training fail."""
    failing = [p for p, top1 in tried.own.items() if _fails(top1, tried.sound, reached)]
    if "tail" in failing and "loss" in tried.own and "loss" not in failing:
        failing.remove("tail")  # the two belong together, such as log-softmax and NLLLoss
    if not failing:
        return None
    part = failing[0]
    found = (
        f"{WHAT[tried.what]}, everything sound: {tried.sound:.0%}; with {_yours(part, tried)} alone"
    )
    found += f" {tried.own[part]:.0%}; the run {reached.run:.0%}"
    cause = CAUSES[part]
    if part == "optimizer":
        cause, more = _setting(tried)
        found += more
    return _finding(cause, found, tried.own[part], tried.sound, reached)


def _setting(tried: Substitution) -> tuple[str, str]:
    """The setting of the optimizer whose exchange repairs most."""
    if not tried.settings:
        return OPTIMIZER, ""
    best = max(tried.settings, key=lambda name: tried.settings[name])
    if tried.settings[best] < tried.own["optimizer"] + FAILS:
        return OPTIMIZER, ""
    more = f"; with the usual {best} {tried.settings[best]:.0%}"
    causes = {"weight_decay": DECAY, "lr": LOW if tried.rate < USUAL_RATE else HIGH}
    return causes.get(best, OPTIMIZER), more


def _together(tried: Substitution, reached: Performance) -> Finding | None:
    """Parts that fail together alone: the first whose exchange repairs the whole."""
    if tried.whole is None or not _fails(tried.whole, tried.sound, reached):
        return None
    mended = [p for p, top1 in tried.repaired.items() if top1 > tried.whole + FAILS]
    if not mended:
        return None
    part = mended[0]
    found = (
        f"{WHAT[tried.what]}, with all parts as you have them: {tried.whole:.0%}; with"
        f" {_yours(part, tried)} exchanged for a sound one {tried.repaired[part]:.0%}"
    )
    return _finding(CAUSES[part], found, tried.whole, tried.repaired[part], reached)


def _loop(tried: Substitution, reached: Performance) -> Finding | None:
    """All parts are sound: what the loop does with them is not."""
    best = max(tried.whole or 0.0, tried.sound)
    if tried.tail and tried.tail not in PROPER and "loss" not in tried.own:
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
CAUSES: dict[Part, str] = {"tail": TAIL, "loss": LOSS, "optimizer": OPTIMIZER, "order": ORDER}


def _yours(part: Part, tried: Substitution) -> str:
    words: dict[Part, str] = {
        "tail": f"your tail ({tried.tail} of the last layer's outputs)",
        "loss": "your loss",
        "optimizer": f"your optimizer ({tried.optimizer})",
        "order": "batches as your loader gives them",
    }
    return words[part]


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
