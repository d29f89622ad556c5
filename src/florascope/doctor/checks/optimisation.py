"""Does the optimizer move what it should, as far as it should, and is its best epoch kept?"""

import math

from florascope.doctor.checks.network import loaded
from florascope.doctor.evidence import Evidence, Finding, Severity, explained, standard_error
from florascope.doctor.trials import FAILS, Loop

NOT_OPTIMISED = "parameters missing from the optimizer"
OTHER = "another network is evaluated than the one the optimizer trains"
NOT_FROZEN = "parameters meant frozen are trained"
ZERO = "learning rate is zero"
LOW = "learning rate too low"
HIGH = "learning rate too high"
WORSE = "weights of a worse epoch were kept"
UNRELATED = "the history is not this model's on these photos"

HARDLY = 0.05  # of what a good learning rate gains on one batch
GAP, SIGMAS = 0.1, 3.0  # of accuracy, and beyond chance: what a better epoch was better by
LEAP = 4.0  # times the starting loss: steps that throw the loss up


def missing(evidence: Evidence) -> Finding | None:
    """Every parameter that asks for a gradient is in the optimizer."""
    network = evidence.network
    if network is None or network.optimised is None:
        return None
    left_out = sorted(set(network.trainable) - set(network.optimised))
    if not left_out:
        return None
    beyond = set(left_out) - set(network.head)
    if beyond and not network.optimised and evidence.recording is None:
        return Finding(
            "optimisation.missing",
            OTHER,
            "error",
            f"the optimizer holds none of this network's {len(left_out)} trainable parameters: it"
            " trained another network",
            "the optimizer of this very network",
            "Evaluate the network that was trained, or check what was made of it: a copy from"
            " before training, an average of weights (EMA) that hardly moved",
            0.96,
        )
    in_head = [name for name in left_out if name in network.head]
    first = (in_head or left_out)[0]
    return Finding(
        "optimisation.missing",
        NOT_OPTIMISED,
        "error",
        f"{len(left_out)} of {len(network.trainable)} trainable parameters are not in the"
        f" optimizer ({first} first{', the last layer itself' if in_head else ''})",
        "all of them",
        "Make the optimizer after the last layer is replaced, from model.parameters()",
        0.98 if in_head else 0.9,
    )


def frozen(evidence: Evidence) -> Finding | None:
    """What is meant frozen asks for no gradient and keeps its values."""
    network = evidence.network
    if network is None or not network.meant_frozen:
        return None
    training = [
        n for n in network.meant_frozen if n in network.trainable and n in (network.optimised or ())
    ]
    moved = [] if loaded(evidence) else list(network.changed)
    if not training and not moved:
        return None
    what, names = ("train", training) if training else ("have changed", moved)
    return Finding(
        "optimisation.frozen",
        NOT_FROZEN,
        "error",
        f"{len(names)} of {len(network.meant_frozen)} parameters meant frozen {what}"
        f" ({names[0]} first)",
        "none of them",
        "Set requires_grad = False on the frozen part before the optimizer is made",
        0.98,
    )


def rate(evidence: Evidence) -> Finding | None:
    """One batch can be overfitted with the script's own optimizer; the loss falls, steadily."""
    loop = evidence.loop
    if loop is None:
        return None
    if loop.rates and max(loop.rates) == 0:
        return _rate(ZERO, f"learning rates {_list(loop)}", "a rate above 0", 0.99)
    found = _of_one_batch(loop)
    tried = evidence.substitution.exchange if evidence.substitution else None
    if tried is None:
        return found or _of_history(loop, evidence.classes)
    if found is None or found.cause == HIGH:
        return found
    # In a longer training the optimizer did its work; features that it spoilt learn slowly, too.
    sound = tried.own.get("optimizer", 0.0) > tried.sound - FAILS
    whole = evidence.substitution is not None and evidence.substitution.what == "network"
    return None if sound or whole else found


def _of_one_batch(loop: Loop) -> Finding | None:
    if loop.overfit is None:
        return None
    losses, reachable = loop.overfit.losses, loop.overfit.reachable
    start, end = losses[0], losses[-1]
    top = max(losses) if all(map(math.isfinite, losses)) else math.inf
    text = f"one batch, {len(losses) - 1} steps at {_list(loop)}: loss {start:.3g} to {end:.3g}"
    if top > LEAP * start:
        expected = f"a falling loss (a good rate reaches {reachable:.2g})"
        return _rate(HIGH, f"{text}, up to {top:.3g} on the way", expected, 0.88)
    if start - end < HARDLY * (start - reachable):
        return _rate(LOW, text, f"near {reachable:.2g}, which a good rate reaches", 0.88)
    return None


def _of_history(loop: Loop, classes: int) -> Finding | None:
    losses = [row["train_loss"] for row in loop.history if "train_loss" in row]
    if not losses:
        return None
    text = f"train loss {losses[0]:.3g} in the first row, {losses[-1]:.3g} in the last"
    uniform = math.log(classes)
    if not all(map(math.isfinite, losses)) or losses[-1] > 2 * uniform:
        return _rate(HIGH, text, f"below ln K = {uniform:.3g}, the loss of a uniform guess", 0.7)
    still = len(losses) > 2 and losses[0] - losses[-1] < 0.01 * uniform
    if still and losses[-1] > 0.95 * uniform:
        return _rate(LOW, text, "a loss that falls well below ln K", 0.5)
    return None


def _list(loop: Loop) -> str:
    return ", ".join(f"{rate:g}" for rate in loop.rates) or "the given rate"


def _rate(cause: str, found: str, expected: str, sure: float) -> Finding:
    fixes = {
        ZERO: "Set a learning rate; look for a scheduler that ended at 0",
        LOW: "Raise it tenfold until one batch is overfitted in a few dozen steps",
        HIGH: "Lower it tenfold until the loss falls steadily",
    }
    return Finding("optimisation.rate", cause, "error", found, expected, fixes[cause], sure)


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
        return _of_an_epoch(UNRELATED, found, fix, 0.6, share)
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


CHECKS = (missing, frozen, rate, best)
