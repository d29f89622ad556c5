"""Is what a run tells of itself what is measured?"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from florascope.doctor.checks.loop import ANEW
from florascope.doctor.checks.network import mode
from florascope.doctor.checks.pictures import unlike
from florascope.doctor.evidence import Answers, Evidence, Finding, Labels, standard_error

METRIC = "wrong accuracy for several classes"
SHUFFLED = "shuffled evaluation compared with unshuffled labels"

FEW_SEEN = "training saw only a few of the train photos, or others"
ON_TRAIN = "the validation accuracy was measured on train photos"
LEARNED = "validation photos took part in the training (or were chosen among many)"
OTHER_TEST = "test photos are others than validation photos: prepared otherwise, or of another kind"
OTHERWISE = "reported accuracy is not that of all validation photos"

GAP = 0.1
SIGMAS = 3.0
EXACT = 0.01
SAME = 0.05  # what rounding, precision and a few photos may make, where all were asked
ELSEWHERE = 0.2  # more than augmentation and moving weights change it by
BEST = 5
PIECES = 16
UNLIKELY, CERTAIN = 2.6, 3.7  # standard errors: by chance one in 200, and one in 10,000
SUPPOSED = 50  # epochs


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
    answers, reported = evidence.val_answers, _told(evidence)
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
    answers, reported = evidence.val_answers, _told(evidence)
    if answers is None or reported is None:
        return None
    dealt = _dealt(answers)
    error = 3 * math.sqrt(max(dealt * (1 - dealt), 1e-4) / len(answers.labels)) + 0.01
    if abs(reported - dealt) > error or answers.top1 < reported + max(GAP, 2 * error):
        return None
    if _nearest(_parts_of_val(evidence), reported):  # counted over a part: nothing was dealt
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
    answers, reported = evidence.val_answers, _told(evidence)
    if answers is None or reported is None or _matches(reported, answers, evidence):
        return None
    if metric(evidence) or shuffled(evidence) or mode(evidence):
        return None
    if answers.top1 > reported and _in_history(evidence, answers):
        return None
    likely = {**_parts_of_val(evidence), **_other_figures(evidence)}
    near = _nearest(likely, reported) or _nearest(_pieces(evidence), reported)
    found = f"{reported:.1%} reported, {answers.top1:.1%} measured on all of val{near}"
    return Finding(
        "claims.otherwise",
        OTHERWISE,
        "error" if near or (_whole(evidence) and abs(reported - answers.top1) > GAP) else "warning",
        found,
        f"about {answers.top1:.1%}",
        "Count right answers (the first one of each photo) over all val batches, in eval mode, from"
        " zero in each epoch, and divide by the photos; report the figure of the very weights that"
        " are kept",
        0.85 if near or _whole(evidence) else 0.6,
    )


def trained_on(evidence: Evidence) -> Finding | None:
    """The train accuracy of the history is that of the train loader's photos."""
    answers, rows = evidence.train_answers, evidence.loop.history if evidence.loop else ()
    told = rows[-1].get("train_top1") if rows else None
    if answers is None or told is None or evidence.labels_outside:
        return None
    if told < answers.top1 + ELSEWHERE or mode(evidence) or moving(evidence):
        return None
    return _of_another(evidence, told, answers.top1) or Finding(
        "claims.trained_on",
        FEW_SEEN,
        "error",
        f"the history's train accuracy is {told:.0%}, but on the train loader's photos the network"
        f" reaches {answers.top1:.0%}: they do not match",
        f"about {told:.0%}, or more",
        "Iterate over the whole train loader in every epoch (next(iter(loader)) outside the loop"
        " trains on the same batch again and again); look for a sampler or shard of several"
        " processes (DistributedSampler: num_replicas, rank) where one trains; evaluate the network"
        " that was trained",
        0.86,
    )


def _of_another(evidence: Evidence, told: float, top1: float) -> Finding | None:
    """The history's last epoch was better on val, too: it is that of another network."""
    answers, last = evidence.val_answers, _rows(evidence)[-1].get("val_top1")
    if answers is None or last is None or last < answers.top1 + ELSEWHERE:
        return None
    if measured_on_train(evidence) is not None:
        return None
    return Finding(
        "claims.trained_on",
        ANEW,
        "error",
        f"the history ends with {told:.0%} of train and {last:.0%} of val right; this network has"
        f" {top1:.0%} and {answers.top1:.0%} on the same photos: another one was trained",
        "the accuracies of the history's last epoch, or of its best",
        "Look at what happens to the weights after training: averaged over runs, loaded, drawn"
        " again, or another object evaluated",
        0.88,
    )


def measured_on_train(evidence: Evidence) -> Finding | None:
    """The validation accuracy that was told is not what train photos give."""
    learned, unseen, rows = evidence.train_answers, evidence.val_answers, _rows(evidence)
    told = rows[-1].get("val_top1") if rows else _figure(evidence, "val_top1")
    if learned is None or unseen is None or told is None or evidence.labels_outside:
        return None
    if evidence.modes is not None and evidence.modes.deployed is not None:  # there it is measured
        return None
    doubt = 2 * standard_error(unseen.top1, len(unseen.labels))
    apart, near = told - unseen.top1, abs(told - learned.top1)
    if apart < max(GAP, doubt) or near > min(0.04, apart / 3):
        return None
    counted_otherwise = [abs(told - top) for top in _among_the_first(unseen).values()]
    if metric(evidence) is not None or min(counted_otherwise, default=1.0) < min(near, EXACT):
        return None
    return Finding(
        "claims.on_train",
        ON_TRAIN,
        "error",
        f"{told:.1%} told of val; measured, {unseen.top1:.1%} of val and {learned.top1:.1%} of"
        " train are right: the figure is that of the train loader",
        f"about {unseen.top1:.1%}",
        "Evaluate on the validation loader: look at which loader the evaluation is given",
        0.93,
    )


def fresh(evidence: Evidence) -> Finding | None:
    """Val is answered about as well as the photos that measure in the end.

    Two proportions, those of test weighted by val's classes; the luck of the best of several epochs
    is left to val.
    """
    val, test = evidence.val_answers, evidence.test_answers
    if val is None or test is None or not evidence.trained or evidence.labels_outside:
        return None
    share, counted = _weighted_like(val.labels, test)
    n, luck = len(val.labels), _luck(evidence)
    both = (n * val.top1 + counted * share) / (n + counted)
    apart = val.top1 - share - luck
    sigmas = apart / math.hypot(standard_error(both, n), standard_error(both, counted))
    if apart < GAP or sigmas < UNLIKELY:
        return None
    others = unlike(evidence.val_pictures, evidence.test_pictures)
    found = (
        f"{val.top1:.1%} of {n} val photos are right and {share:.1%} of {len(test.labels)} test"
        f" photos (by val's shares of the classes), {sigmas:.1f} standard errors apart"
    )
    found += f", {luck:.1%} left to the choice of the best epoch" if luck else ""
    return Finding(
        "claims.fresh",
        OTHER_TEST if others else LEARNED,
        "error" if sigmas > CERTAIN and not others else "warning",
        found + (f"; they differ in {others[0]}, too" if others else ""),
        "about as many of both",
        "Prepare val and test alike, and look at where the test photos come from"
        if others
        else "Draw the split once and keep it (with a seed, in a file), also where training is"
        " resumed; choose epochs and settings on val, and report what test photos give (where these"
        " come from another source, that may be the cause)",
        0.9 if sigmas > CERTAIN and not others else 0.75,
    )


def _weighted_like(labels: Labels, test: Answers) -> tuple[float, int]:
    """Accuracy on test with each class as often as among the labels, and of how many photos it is.

    The variance of sum_k w_k a_k is about a (1 - a) sum_k w_k^2 / n_k.
    """
    kinds = np.intersect1d(labels, test.labels)
    if not len(kinds):
        return test.top1, len(test.labels)
    right = test.right
    there = np.array([(test.labels == k).sum() for k in kinds])
    shares = np.array([right[test.labels == k].mean() for k in kinds])
    weights = np.array([(labels == k).sum() for k in kinds], np.float64)
    weights /= weights.sum()
    return float(weights @ shares), max(1, round(1 / (weights**2 / there).sum()))


def _luck(evidence: Evidence) -> float:
    """What the best of E epochs owes to chance at most, sqrt(2 ln E) standard errors.

    That is a bound of the largest of E normal deviations (Boucheron, Lugosi and Massart,
    "Concentration Inequalities", 2013, theorem 2.5). The last epoch was not chosen; where no epoch
    is known, many are supposed.
    """
    answers = evidence.val_answers
    told = [row["val_top1"] for row in _rows(evidence) if "val_top1" in row]
    if answers is None or (told and abs(told[-1] - answers.top1) < EXACT):
        return 0.0
    error = standard_error(answers.top1, len(answers.labels))
    return error * math.sqrt(2 * math.log(max(len(told), 2) if told else SUPPOSED))


def _rows(evidence: Evidence) -> Sequence[Mapping[str, float]]:
    return evidence.loop.history if evidence.loop else ()


def moving(evidence: Evidence) -> bool:
    """Whether train mode gives clearly better answers than eval mode: then statistics are off."""
    modes = evidence.modes
    if modes is None:
        return False
    trained, evaluated = modes.unseen.shares
    return trained > evaluated + ELSEWHERE


def _matches(reported: float, answers: Answers, evidence: Evidence) -> bool:
    """Whether a figure is that of the answers, beyond the doubt of photos that were not asked."""
    measured = answers.top1
    if _whole(evidence):
        return abs(reported - measured) < SAME
    doubt = SIGMAS * standard_error(measured, len(answers.labels))
    return abs(reported - measured) < max(GAP, doubt)


def _whole(evidence: Evidence) -> bool:
    """Whether all val photos were asked, and stay as they are: then nothing is left to chance."""
    answers, val, inputs = evidence.val_answers, evidence.val, evidence.inputs
    asked = answers is not None and val is not None and len(answers.labels) >= val.size
    return asked and (inputs is None or inputs.val_repeats is not False)


def _in_history(evidence: Evidence, answers: Answers) -> bool:
    """Whether the network is that of another epoch than the reported one, the best for example."""
    rows = evidence.loop.history if evidence.loop else ()
    return any(abs(row.get("val_top1", -1) - answers.top1) < EXACT for row in rows[:-1])


def _nearest(figures: Mapping[str, float], reported: float) -> str:
    """Say which figure is the reported one, up to rounding; "" where none is."""
    best = min(figures, key=lambda name: abs(figures[name] - reported), default="")
    near = bool(best) and abs(figures[best] - reported) < EXACT
    return f"; {best} gives {figures[best]:.1%}" if near else ""


def _batches(evidence: Evidence) -> list[Bool[np.ndarray, "_"]]:
    """Which answers are right, batch by batch; [] where they are not val's batches."""
    answers, val = evidence.val_answers, evidence.val
    if answers is None or len(answers.batches) < 2:
        return []
    if val is not None and len(answers.labels) < val.size:
        return []
    return np.split(answers.right, np.cumsum(answers.batches)[:-1])


def _parts_of_val(evidence: Evidence) -> dict[str, float]:
    """Accuracies that forget a part of val, or count it twice."""
    parts = _batches(evidence)
    if not parts:
        return {}
    right = np.concatenate(parts)
    return {
        "the last batch alone": float(parts[-1].mean()),
        "the first batch alone": float(parts[0].mean()),
        "dividing by full batches": float(right.sum() / (len(parts) * max(map(len, parts)))),
        "the mean of batches": float(np.mean([part.mean() for part in parts])),
    }


def _pieces(evidence: Evidence) -> dict[str, float]:
    """Accuracies of each batch and of each class; {} where one of so many is near by chance."""
    answers, parts = evidence.val_answers, _batches(evidence)
    if answers is None:
        return {}
    right, kinds = answers.right, np.unique(answers.labels)
    found = {f"batch {i + 1} alone": float(part.mean()) for i, part in enumerate(parts)}
    found |= {f"class {k} alone": float(right[answers.labels == k].mean()) for k in kinds}
    found["the mean over classes"] = answers.mean_class
    return found if len(found) <= PIECES else {}


def _among_the_first(answers: Answers) -> dict[str, float]:
    """Accuracies that count an answer as right among the first two, three and so on."""
    K = answers.outputs.shape[1]
    best = np.argsort(-answers.outputs, axis=1)[:, :BEST] == answers.labels[:, None]
    return {f"top-{k}": float(best[:, :k].any(1).mean()) for k in range(2, min(BEST, K - 1) + 1)}


def _other_figures(evidence: Evidence) -> dict[str, float]:
    """Accuracies of something else."""
    answers, modes = evidence.val_answers, evidence.modes
    found = (
        {"the train photos' accuracy": evidence.train_answers.top1}
        if evidence.train_answers
        else {}
    )
    if answers is not None:
        found |= _among_the_first(answers)
    if answers is not None and evidence.classes == 2:
        found["answering 0 always (argmax of a single output, for example)"] = float(
            (answers.labels == 0).mean()
        )
    if modes is not None:
        found["train mode"] = modes.unseen.shares[0]
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


def _told(evidence: Evidence) -> float | None:
    """The val accuracy that was told: reported, else the history's where no epoch comes near.

    A network that is clearly better than each of its epochs said is not one of a better epoch.
    """
    reported, answers = _figure(evidence, "val_top1"), evidence.val_answers
    told = [row["val_top1"] for row in _rows(evidence) if "val_top1" in row]
    if reported is not None or answers is None or not told:
        return reported
    return told[-1] if max(told) < answers.top1 - ELSEWHERE else None


CHECKS = (metric, shuffled, measured_on_train, otherwise, trained_on, fresh)
