"""Checks of figures: what a run claims, and what its features can give."""

import math

import numpy as np
from jaxtyping import Float, Int64

from florascope.doctor.checks.exchange import FEATURES as UPSTREAM
from florascope.doctor.checks.exchange import LOOP, exchanged
from florascope.doctor.checks.network import mode
from florascope.doctor.evidence import Answers, Evidence, Finding

METRIC = "wrong accuracy for several classes"
SHUFFLED = "shuffled evaluation compared with unshuffled labels"

FEW_SEEN = "training saw only a few of the train photos, or others"
OTHERWISE = "reported accuracy is not that of all validation photos"

GAP = 0.1
EXACT = 0.01
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
    answers = evidence.val_answers
    reported = _figure(evidence, "val_top1")
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
    answers = evidence.val_answers
    reported = _figure(evidence, "val_top1")
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
    answers, reported = evidence.val_answers, _figure(evidence, "val_top1")
    if answers is None or reported is None or _matches(reported, answers.top1, answers):
        return None
    if metric(evidence) or shuffled(evidence) or mode(evidence) or _in_history(evidence, answers):
        return None
    measured = {**_parts_of_val(answers), **_other_figures(evidence)}
    near = [name for name, top1 in measured.items() if abs(top1 - reported) < EXACT]
    found = f"{reported:.1%} reported, {answers.top1:.1%} measured on all of val"
    found += f"; {near[0]} gives {measured[near[0]]:.1%}" if near else ""
    return Finding(
        "claims.otherwise",
        OTHERWISE,
        "error" if near else "warning",
        found,
        f"about {answers.top1:.1%}",
        "Count right answers over all val batches, in eval mode, and divide by the photos",
        0.85 if near else 0.6,
    )


def trained_on(evidence: Evidence) -> Finding | None:
    """The train accuracy of the history is that of the train loader's photos."""
    answers, rows = evidence.train_answers, evidence.loop.history if evidence.loop else ()
    told = rows[-1].get("train_top1") if rows else None
    if answers is None or told is None or evidence.labels_outside:
        return None
    if told < answers.top1 + ELSEWHERE or mode(evidence) or moving(evidence):
        return None
    return Finding(
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


def moving(evidence: Evidence) -> bool:
    """Whether train mode gives clearly better answers than eval mode: then statistics are off."""
    modes = evidence.modes
    if modes is None:
        return False
    rights = [(x.argmax(1) == modes.labels).mean() for x in (modes.trained, modes.evaluated)]
    return bool(rights[0] > rights[1] + ELSEWHERE)


def _matches(reported: float, measured: float, answers: Answers) -> bool:
    doubt = SIGMAS * math.sqrt(max(measured * (1 - measured), 0.01) / len(answers.labels))
    return abs(reported - measured) < max(GAP, doubt)


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


CLAIM_CHECKS = (metric, shuffled, otherwise, trained_on)


IMBALANCE = "class imbalance read as skill"

FAVOURED = "some classes hardly count in training (class weights or sampling)"
REVERSED = "answers are wrong on purpose: the loss pushes the wrong way"
INSEPARABLE = "classes that are the same thing under two names"
WITHIN = 0.75  # of two classes' answers, that are one of the two
EXPLAINED = 0.6  # of the wrong answers
TWIN_PHOTOS = 5  # of a class in val
TWIN_SHARE = 0.3  # of the classes
ASKED = 8  # val photos of a class
UNEVEN = 2.5  # times more photos
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


def favoured(evidence: Evidence) -> Finding | None:
    """Rare classes are answered as well as the features allow."""
    answers, probe, train = evidence.val_answers, evidence.probe, evidence.train
    if answers is None or probe is None or train is None or not evidence.trained:
        return None
    forgotten = _forgotten(answers, probe.answers, evidence.classes)
    if forgotten:
        return _favoured(
            f"classes {', '.join(map(str, forgotten[:5]))} are hardly ever answered, though a probe"
            " on the same features knows them",
            "every class answered about as often as the probe does",
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


def _favoured(found: str, expected: str) -> Finding:
    return Finding(
        "skill.favoured",
        FAVOURED,
        "error",
        found,
        expected,
        "Look at class weights and the sampler: rare classes need larger weights, in inverse"
        " proportion to their photos",
        0.7,
    )


def _mean_recall(
    said: Int64[np.ndarray, "n"], labels: Int64[np.ndarray, "n"], kinds: Int64[np.ndarray, "_"]
) -> float:
    here = [k for k in kinds if (labels == k).any()]
    return float(np.mean([(said[labels == k] == k).mean() for k in here])) if here else 0.0


def _balanced(answers: Answers) -> float:
    right = answers.outputs.argmax(1) == answers.labels
    return float(np.mean([right[answers.labels == k].mean() for k in np.unique(answers.labels)]))


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
    pairs = [(i, j) for i in range(K) for j in range(i + 1, K) if _coin(table, i, j)]
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


def _coin(table: Float[np.ndarray, "k k"], i: int, j: int) -> bool:
    """Whether photos of two classes are answered with one of the two, either as well."""
    block = table[np.ix_([i, j], [i, j])]
    there = table[[i, j]].sum()
    if there < 2 * TWIN_PHOTOS or block.sum() < WITHIN * there:
        return False
    right, wrong = np.trace(block), block.sum() - np.trace(block)
    return bool(wrong > 0.35 * (right + wrong) and min(block.sum(0)) > 0)


def run_against_probe(evidence: Evidence) -> Finding | None:
    """A probe on the same features is no better than the run: good and bad, the loop is broken.

    Both bad, inputs or weights are.
    """
    answers, probe = evidence.val_answers, evidence.probe
    if answers is None or probe is None or not evidence.trained or exchanged(evidence):
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


SKILL_CHECKS = (imbalance, reversed_answers, inseparable, favoured, run_against_probe, chance_loss)
