"""Does the run answer as well as its features could, and every class alike?"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64

from florascope.doctor.checks.exchange import FEATURES as UPSTREAM
from florascope.doctor.checks.exchange import LOOP, exchanged
from florascope.doctor.evidence import Answers, Evidence, Finding, explained
from florascope.doctor.recording import probabilities
from florascope.doctor.trials import FAILS
from florascope.health.quick_probe import QuickProbe

GAP = 0.1
IMBALANCE = "class imbalance read as skill"
UNUSED = "the labels name far fewer classes than the network has outputs"

FAVOURED = "some classes hardly count in training (class weights or sampling)"
REVERSED = "answers are wrong on purpose: the loss pushes the wrong way"
INSEPARABLE = "classes that are the same thing under two names"
WITHIN = 0.75  # of two classes' answers, that are one of the two
EXPLAINED = 0.6  # of the wrong answers
TWIN_PHOTOS = 5  # of a class in val
TWIN_SHARE = 0.3  # of the classes
ASKED = 8  # val photos of a class
UNEVEN = 2.5  # times more photos
COUNTED = 200  # labels drawn: fewer are uneven by chance
NEGLECTED = 0.3  # of accuracy
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
    balanced = answers.mean_class
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


def unused(evidence: Evidence) -> Finding | None:
    """There are photos of about as many classes as there are outputs, where nothing was learned."""
    train = evidence.train
    if train is None or len(train.labels) < 5 * evidence.classes or imbalance(evidence) is None:
        return None
    named = np.unique(train.labels)
    if len(named) > evidence.classes / 2:
        return None
    return Finding(
        "skill.unused",
        UNUSED,
        "error",
        f"photos of {len(named)} classes ({', '.join(map(str, named[:5]))}) for {evidence.classes}"
        f" outputs: {evidence.classes - len(named)} classes are missing, and always the same class"
        " is answered",
        f"photos of {evidence.classes} classes",
        "Look at what became the classes: a folder one level too high gives train and val as"
        " classes; a wrong column of a table gives another property of the photos",
        0.95,
    )


def favoured(evidence: Evidence) -> Finding | None:
    """Rare classes are answered as well as the features allow.

    A class may be forgotten for many a reason: only where classes do not count alike are weights
    and sampling accused.
    """
    answers, probe, train = evidence.val_answers, evidence.probe, evidence.train
    if answers is None or probe is None or train is None or not evidence.trained:
        return None
    forgotten = _forgotten(answers, probe.answers, evidence.classes)
    if forgotten and not _unequal(evidence, train.labels):
        return None
    if forgotten:
        here = np.isin(answers.labels, forgotten)
        known, now = ((x == answers.labels)[here].sum() / len(here) for x in _both(answers, probe))
        return _favoured(
            f"classes {', '.join(map(str, forgotten[:5]))} are hardly ever answered, though a probe"
            " on the same features knows them",
            "every class answered about as often as the probe does",
            explained(evidence, float(known), float(now)),
        )
    counts = np.bincount(train.labels, minlength=evidence.classes)
    rare = np.flatnonzero((counts > 0) & (counts <= counts.max() / UNEVEN))
    often = np.flatnonzero(counts > counts.max() / UNEVEN)
    if not len(rare) or not len(often):
        return None
    said, could = answers.outputs.argmax(1), probe.answers
    (rare_now, rare_could), (often_now, often_could) = (
        [_mean_recall(x, answers.labels, kinds) for x in (said, could)] for kinds in (rare, often)
    )
    worse, other = (rare_could - rare_now, often_could - often_now)
    if max(worse, other) < NEGLECTED or min(worse, other) > NEGLECTED / 2:
        return None
    which = "rare" if worse > other else "frequent"
    return _favoured(
        f"rare classes are answered right {rare_now:.0%}, the others {often_now:.0%} of the time; a"
        f" probe on the same features reaches {rare_could:.0%} and {often_could:.0%}: the {which}"
        " ones hardly count",
        "about the probe's share for both",
    )


def _unequal(evidence: Evidence, labels: Int64[np.ndarray, "n"]) -> bool:
    """Whether classes count unequally: by their photos, what is drawn, or the loss's weights.

    Also where the loss, its weights of photos, or their order was seen to spoil a sound training.
    """
    drawn = evidence.drawn.batches if evidence.drawn else ()
    shares = [np.bincount(x[x >= 0], minlength=evidence.classes) for x in (labels, *_joined(drawn))]
    if evidence.loop and evidence.loop.weights:
        shares.append(np.array(evidence.loop.weights))
    tried = evidence.substitution.exchange if evidence.substitution else None
    own = dict(tried.own) if tried else {}
    blamed = [own[part] for part in ("loss", "weights", "order") if part in own]
    spoilt = tried is not None and min(blamed, default=tried.sound) < tried.sound - FAILS
    return spoilt or any(x.max() >= UNEVEN * max(x.min(), 1e-12) for x in shares)


def _joined(drawn: Sequence[Int64[np.ndarray, "_"]]) -> list[Int64[np.ndarray, "_"]]:
    """All labels that were drawn, if enough of them to be counted."""
    together = np.concatenate(drawn) if drawn else np.empty(0, np.int64)
    return [together] if len(together) >= COUNTED else []


def _forgotten(answers: Answers, could: Int64[np.ndarray, "n"], classes: int) -> list[int]:
    """Classes that the run hardly answers right, and a probe mostly does; not if all are."""
    said, found = answers.outputs.argmax(1), []
    asked = [k for k in range(classes) if (answers.labels == k).sum() >= ASKED]
    for k in asked:
        here = answers.labels == k
        if (said[here] == k).mean() < 0.1 and (could[here] == k).mean() > 0.6:
            found.append(k)
    others = ~np.isin(answers.labels, found)
    # The others are answered as well as can be: else the run is bad at everything.
    well = (said == answers.labels)[others].mean() > (could == answers.labels)[others].mean() - GAP
    return found if len(found) <= len(asked) / 3 and well else []


def _both(answers: Answers, probe: QuickProbe) -> tuple[Int64[np.ndarray, "n"], ...]:
    """What the probe and the run say of the val photos."""
    return probe.answers, answers.outputs.argmax(1)


def _favoured(found: str, expected: str, share: float | None = None) -> Finding:
    return Finding(
        "skill.favoured",
        FAVOURED,
        "error",
        found,
        expected,
        "Look at class weights and the sampler: rare classes need larger weights, in inverse"
        " proportion to their photos",
        0.7,
        share,
    )


def _mean_recall(
    said: Int64[np.ndarray, "n"], labels: Int64[np.ndarray, "n"], kinds: Int64[np.ndarray, "_"]
) -> float:
    here = [k for k in kinds if (labels == k).any()]
    return float(np.mean([(said[labels == k] == k).mean() for k in here])) if here else 0.0


def reversed_answers(evidence: Evidence) -> Finding | None:
    """Answers are not right more seldom than a guess is."""
    answers, probe = evidence.val_answers, evidence.probe
    if answers is None or probe is None or not evidence.trained or evidence.classes < 2:
        return None
    chance = 1 / evidence.classes
    doubt = SIGMAS * math.sqrt(chance * (1 - chance) / len(answers.labels))
    learned = evidence.train_answers.top1 if evidence.train_answers else 0.0
    known = probe.val_top1 > chance + 2 * doubt and probe.train_top1 > chance + 2 * doubt
    if not known or max(answers.top1, learned) > chance - doubt:
        return None
    return Finding(
        "skill.reversed",
        REVERSED,
        "error",
        f"{answers.top1:.1%} of val and {learned:.1%} of train is right, less than a guess"
        f" ({chance:.1%}); a probe on the same features reaches {probe.val_top1:.0%}",
        "more than a guess",
        "Look for a sign: a loss without its minus, a loss that is maximised (gradient ascent), or"
        " argmin for argmax",
        0.92,
    )


def inseparable(evidence: Evidence) -> Finding | None:
    """No two classes are each other's twins, told apart no better than by a coin."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained or evidence.classes < 4 or evidence.labels_outside:
        return None
    K, said = evidence.classes, answers.outputs.argmax(1)
    table = np.zeros((K, K))
    np.add.at(table, (answers.labels, said), 1)
    pairs = _twins(table)
    if len(pairs) < max(2, TWIN_SHARE * K / 2):
        return None
    merged = sum(table[i, j] + table[j, i] for i, j in pairs) / len(answers.labels)
    if merged < EXPLAINED * (1 - answers.top1):
        return None  # much else is wrong
    named = ", ".join(f"{i} and {j}" for i, j in pairs[:4])
    return Finding(
        "skill.inseparable",
        INSEPARABLE,
        "error",
        f"classes {named} are taken for each other as often as not; {answers.top1:.0%} is right,"
        f" {answers.top1 + merged:.0%} if each pair were one class",
        "classes that can be told apart",
        "Look at their photos: one thing may be filed in two folders, under two names (duplicate"
        " classes); merge them",
        0.9,
    )


def _twins(table: Float[np.ndarray, "k k"]) -> list[tuple[int, int]]:
    """Pairs of classes whose photos are answered with one of the two, and either as well."""
    own, asked = table.diagonal(), table.sum(1)
    right, wrong, there = own[:, None] + own, table + table.T, asked[:, None] + asked
    often = (there >= 2 * TWIN_PHOTOS) & (right + wrong >= WITHIN * there)
    said = own[:, None] + table.T > 0  # the first of the two, of photos of both
    tossed = often & said & said.T & (wrong > 0.35 * (right + wrong))
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu(tossed, 1))]


def run_against_probe(evidence: Evidence) -> Finding | None:
    """A probe on the same features is no better than the run: good and bad, the loop is broken.

    Both bad, inputs or weights are.
    """
    answers, probe = evidence.val_answers, evidence.probe
    if answers is None or probe is None or not evidence.trained or exchanged(evidence):
        return None
    chance = 1 / evidence.classes
    noise = SIGMAS * math.sqrt(chance * (1 - chance) / len(answers.labels))
    text = (
        f"run {answers.top1:.1%}, quick probe on its features {probe.val_top1:.1%},"
        f" chance {chance:.1%}"
    )
    if probe.val_top1 < chance + noise and answers.top1 < chance + noise:
        fix = "Check the input's scale, the weights and the labels; see the other findings"
        found = f"{text}: both at chance"
        return Finding("skill.probe", UPSTREAM, "warning", found, "above chance", fix, 0.45)
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
    answers = evidence.val_answers
    if answers is not None and not evidence.labels_outside and _cross_entropy(answers) <= uniform:
        return None  # the loss is another: a sum over photos, for example
    return Finding(
        "skill.chance_loss",
        "loss above that of a uniform guess",
        "warning",
        f"validation loss {loss:.4g}",
        f"below ln {evidence.classes} = {uniform:.4g}",
        "Compare with the other findings: answers that are sure and wrong",
        0.6,
    )


def _cross_entropy(answers: Answers) -> float:
    """Mean cross-entropy of the answers, which are logits or probabilities."""
    p = probabilities(answers.outputs.astype(np.float64))[
        range(len(answers.labels)), answers.labels
    ]
    return float(-np.log(np.maximum(p, 1e-12)).mean())


CHECKS = (
    unused,
    imbalance,
    reversed_answers,
    inseparable,
    favoured,
    run_against_probe,
    chance_loss,
)
