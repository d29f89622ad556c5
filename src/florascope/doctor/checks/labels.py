"""Do labels mean the same class everywhere, and the photo's?"""

import math
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from florascope.data.names import natural_key
from florascope.doctor.checks.pictures import augmented, differ
from florascope.doctor.evidence import Evidence, Finding, standard_error
from florascope.health.quick_probe import QuickProbe, Sample, noise_rate

ONE_BASED = "labels start at 1"
ORDER = "label order differs (1, 10, 100 for 1, 2, 3)"
SHIFTED = "labels shifted between splits"
SHUFFLED = "labels shuffled between splits"
STRAY = "a stray folder as a class"
NOISE = "label noise"
UNRELATED = "train labels do not belong to their photos"
ERASED = "augmentation takes away what tells the classes apart, or train labels are wrong"
MISMATCH = "train and validation do not fit: photos prepared, or classes numbered, differently"
VAL_UNRELATED = "val labels do not belong to their photos"
INCONSISTENT = 0.2  # of accuracy
CLEAR = 0.15  # of the way from chance to perfect
SINGLE = "all train labels are the same"
ABSENT = "classes of val that are missing in train"

STRAYS = re.compile(
    r"^[._]|^(__macosx|train|val|valid|validation|test|images?|jpg|photos?|new folder|untitled"
    r"|thumbs(\.db)?|checkpoints?|tmp|temp|backup|unknown|copy)$",
    re.IGNORECASE,
)
NOISY = 0.15
SIGMAS = 2.5
CERTAIN = 0.75  # of val right: then at least half of each half is, which no renaming doubles
MOST = 0.75  # of what can be learned above chance
SOUND = 0.35  # of the way from chance to perfect: a probe that has learned something
Labels = Int64[np.ndarray, "n"]


def one_based(evidence: Evidence) -> Finding | None:
    """Labels run from 0 to K - 1."""
    parts = (evidence.train, evidence.val, evidence.train_answers, evidence.val_answers)
    subsets = [part for part in parts if part is not None and len(part.labels)]
    if not subsets:
        return None
    low, high = min(int(s.labels.min()) for s in subsets), max(int(s.labels.max()) for s in subsets)
    K = evidence.classes
    outside = low < 0 or high >= K
    named = evidence.train is not None and len(evidence.train.classes) == K
    if not outside and (named or not (low == 1 and high == K - 1 and K > 2)):
        return None
    return Finding(
        "labels.one_based",
        ONE_BASED,
        "error" if outside else "warning",
        f"labels from {low} to {high} for {K} outputs",
        f"0 to {K - 1}",
        "Subtract 1 (Oxford 102's imagelabels.mat starts at 1)",
        0.97 if outside else 0.7,
    )


def order(evidence: Evidence) -> Finding | None:
    """Train and val number the same classes alike."""
    if evidence.train is None or evidence.val is None:
        return None
    ours, theirs = evidence.train.classes, evidence.val.classes
    if not ours or not theirs or ours == theirs:
        return None
    at = next(
        (k for k, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0
    )
    return Finding(
        "labels.order",
        ORDER if sorted(ours) == sorted(theirs) else SHIFTED,
        "error",
        f"class {at} is {ours[at]!r} in train and {theirs[at]!r} in val",
        "one list of classes for both",
        "Number the classes once, in natural order, and use that list everywhere",
        0.98,
    )


def single(evidence: Evidence) -> Finding | None:
    """Train labels are not all the same."""
    train, val = evidence.train, evidence.val
    if train is None or val is None or len(train.labels) < 10 or evidence.classes < 2:
        return None
    known = np.unique(train.labels)
    if len(known) > 1:
        return None
    others = len(np.unique(val.labels))
    return Finding(
        "labels.single",
        SINGLE,
        "error",
        f"all {len(train.labels)} train labels are {int(known[0])}; the network has"
        f" {evidence.classes} classes, val {others}",
        "labels of every class",
        "Look at what is done to the labels on the way: they may be scaled or cast like pixels",
        0.98,
    )


def absent(evidence: Evidence) -> Finding | None:
    """Train shows every class that val asks for."""
    train, val = evidence.train, evidence.val
    if train is None or val is None or not len(val.labels):
        return None
    known = np.unique(train.labels)
    if len(known) < 2:
        return None
    strange = np.isin(val.labels, known, invert=True)
    # A sample of train may miss a class by chance: e^-5 where it has five photos a class.
    whole = len(train.labels) >= min(train.size, 5 * evidence.classes)
    if not whole or strange.mean() < 0.1:
        return None
    kinds = np.unique(val.labels[strange])
    return Finding(
        "labels.absent",
        ABSENT,
        "error",
        f"{strange.mean():.0%} of the val photos are of {len(kinds)} classes that are missing in"
        f" train ({', '.join(map(str, kinds[:5]))}); train has {len(known)} classes",
        "every class in train",
        "Shuffle before splitting, or split each class by itself (a sorted folder cut in two"
        " leaves the last classes to val alone)",
        0.97,
    )


def permuted(evidence: Evidence) -> Finding | None:
    """Val labels mean what train labels mean, as far as the features can tell."""
    probe, other = evidence.probe, differ(evidence)
    known = order(evidence) or absent(evidence)
    if probe is None or known is not None or probe.val_top1 >= CERTAIN:
        return None
    if other is not None and other.severity == "error":  # then labels need not be others, too
        return None
    renamed, gained, kept = _renaming(probe, evidence.classes)
    if gained > max(2 * kept, kept + 0.2) and gained > _chance(evidence.classes) + 0.2:
        if _other_than_renamed(evidence, gained):
            return None
        names = evidence.train.classes if evidence.train else ()
        cause = _kind(renamed, names)
        found = f"a probe of train is right for {kept:.0%} of val, {gained:.0%} with val renamed"
        expected = "about as many right without renaming"
        fix = "Number the classes once, and use that list for train, val and test"
        return Finding("labels.permuted", cause, "error", found, expected, fix, 0.95)
    return _shuffled(probe, evidence.classes)


def _other_than_renamed(evidence: Evidence, gained: float) -> bool:
    """Whether one side's labels are not its photos', and renaming explains little of what is lost.

    Labels by chance, too, are answered by some rule that a renaming fits in part.
    """
    found, tried = unrelated(evidence), evidence.substitution
    if found is None or found.cause == MISMATCH or tried is None or tried.within is None:
        return False
    chance = _chance(evidence.classes)
    return gained - chance < MOST * (max(tried.within) - chance)


def unrelated(evidence: Evidence) -> Finding | None:
    """Labels of each side say something about its photos, whatever the network does."""
    tried = evidence.substitution
    if tried is None or tried.within is None or single(evidence) is not None:
        return None
    other, answers = differ(evidence), evidence.val_answers
    if (other is not None and other.severity != "note") or answers is None:
        return None
    chance = _chance(evidence.classes)
    train, val = (top1 - chance for top1 in tried.within)
    doubt = SIGMAS * math.sqrt(3 * chance * (1 - chance) / len(answers.labels))
    clear = max(CLEAR * (1 - chance), doubt)
    text = (
        f"a small network of our own learns nothing from train to val ({tried.reference:.0%}),"
        f" {tried.within[0]:.0%} within train and {tried.within[1]:.0%} within val"
    )
    fix = "Keep each label with its photo: shuffle, sort and filter both together"
    if val > clear and train < val / 2:
        return _erased(text) if augmented(evidence) else _unrelated(UNRELATED, text, fix, 0.92)
    if train > clear and val < train / 2:
        return _unrelated(VAL_UNRELATED, text, fix, 0.78)
    if min(train, val) > clear:
        fix = (
            "Number the classes once; prepare and augment photos so that train still looks like val"
        )
        return _unrelated(MISMATCH, text, fix, 0.75)
    return None


def _erased(found: str) -> Finding:
    fix = (
        "Look at a batch of train photos: augmentation may take away what tells the classes apart"
        " (hue where classes differ in colour, crops without the subject, a wrong range); then"
        " look at the train labels"
    )
    return _unrelated(ERASED, f"{found}; train photos are augmented, val's are not", fix, 0.85)


def _unrelated(cause: str, found: str, fix: str, sure: float) -> Finding:
    expected = "labels that a network can learn from photos"
    return Finding("labels.unrelated", cause, "error", found, expected, fix, sure)


def _renaming(probe: QuickProbe, classes: int) -> tuple[Labels, float, float]:
    """The renaming of val labels that fits best: found on one half, measured on the other."""
    from scipy.optimize import linear_sum_assignment  # a fifth of a second, and seldom needed

    half = np.arange(len(probe.answers)) % 2 == 0
    counts = np.zeros((classes, classes))
    np.add.at(counts, (probe.val.labels[half], probe.answers[half]), 1)
    counts[np.diag_indices(classes)] += 0.5  # where nothing is known, nothing is renamed
    _, renamed = linear_sum_assignment(-counts)
    answers, labels = probe.answers[~half], probe.val.labels[~half]
    gained, kept = (renamed[labels] == answers).mean(), (labels == answers).mean()
    return renamed.astype(np.int64), float(gained), float(kept)


def _kind(renamed: Labels, names: Sequence[str]) -> str:
    """Name the renaming: a shift, text order for natural order, or any other."""
    classes = len(renamed)
    steps = (renamed - np.arange(classes)) % classes
    step = int(np.bincount(steps, minlength=classes).argmax())
    if step in {1, classes - 1} and (steps == step).mean() > 0.5:
        return SHIFTED
    numbers = [str(k + 1) for k in range(classes)]
    known = list(names) if len(names) == classes else numbers
    for listed in (known, numbers):
        text, natural = sorted(listed), sorted(listed, key=natural_key)
        table = np.array([natural.index(name) for name in text])
        for there in (table, np.argsort(table)):
            moved = there != np.arange(classes)
            if moved.any() and (renamed == there)[moved].mean() > 0.5:
                return ORDER
    return SHUFFLED


def _shuffled(probe: QuickProbe, classes: int) -> Finding | None:
    """Each side can be learned from itself, or one can, but not one from the other."""
    chance = _chance(classes)
    if probe.val_top1 > chance + 0.25 * (1 - chance):
        return None
    own = {"train": probe.train_top1, "val": probe.own_val_top1}
    learned = max(own.values())
    if learned < max(3 * probe.val_top1, chance + SOUND * (1 - chance)):
        return None
    return Finding(
        "labels.permuted",
        SHUFFLED,
        "error",
        f"a probe of train is right for {probe.val_top1:.0%} of val; within train"
        f" {own['train']:.0%}, within val {own['val']:.0%}",
        "val to be answered about as well as train photos left out",
        "Check that labels and photos of each split are in the same order",
        0.8,
    )


def stray(evidence: Evidence) -> Finding | None:
    """Every class is one: no system folder, no subset, no heap of leftovers."""
    names = evidence.train.classes if evidence.train else ()
    odd = [name for name in names if STRAYS.search(name)]
    if not odd or len(odd) == len(names):
        return None
    return Finding(
        "labels.stray",
        STRAY,
        "error",
        f"{len(names)} classes, among them {', '.join(map(repr, odd[:3]))}",
        "folders of classes alone",
        f"Move {odd[0]!r} elsewhere",
        0.93,
    )


def noise(evidence: Evidence) -> Finding | None:
    """Photos look like their own class, by confident learning out of fold."""
    probe = evidence.probe
    mixed = evidence.drawn is not None and evidence.drawn.soft
    if probe is None or mixed or permuted(evidence) is not None:
        return None
    chance = _chance(evidence.classes)
    inconsistent = probe.own_val_top1 > max(probe.train_top1, probe.val_top1) + INCONSISTENT
    if inconsistent and _of_each(probe.train) >= _of_each(probe.val):
        return Finding(
            "labels.noise",
            NOISE,
            "error",
            f"a probe is right for {probe.own_val_top1:.0%} within val and for"
            f" {probe.train_top1:.0%} within train, on the same features: train labels contradict"
            " each other, or the photos",
            "about as many within both",
            "Look for wrong labels, and for sources joined that number their classes differently",
            0.88,
        )
    learned = probe.val_top1 > chance + SOUND * (1 - chance)
    if not learned or probe.train_top1 + SIGMAS * _doubt(probe) > probe.val_top1:
        return None
    # Features that cannot tell classes apart look noisy, too: then val would be as bad as train.
    worse = 1 - probe.train_top1 / probe.val_top1
    rate = min(worse, noise_rate(probe.train_probabilities, probe.train.labels))
    if rate < NOISY:
        return None
    return Finding(
        "labels.noise",
        NOISE,
        "warning",
        f"about {rate:.0%} of the train labels are wrong (a probe is right for"
        f" {probe.train_top1:.0%} of train left out and {probe.val_top1:.0%} of val)",
        f"less than {NOISY:.0%}",
        "Look at the suspects that a health report of the data set shows",
        0.85,
    )


def _of_each(sample: Sample) -> float:
    """Photos of the middle class: from fewer, less can be learned, whatever their labels."""
    counts = np.bincount(sample.labels)
    return float(np.median(counts[counts > 0]))


def _doubt(probe: QuickProbe) -> float:
    """Standard error of the difference of the probe's two accuracies."""
    parts = ((probe.train_top1, probe.train), (probe.val_top1, probe.val))
    return math.hypot(*(standard_error(top1, len(sample.labels)) for top1, sample in parts))


def _chance(classes: int) -> float:
    return 1 / max(classes, 1)


CHECKS = (one_based, order, stray, single, absent, unrelated, permuted, noise)
