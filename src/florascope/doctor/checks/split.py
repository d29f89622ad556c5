"""Is the split sound: photos on two sides of it, and the features there?"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from florascope.data.dataset import Indexes
from florascope.data.identity import near_pairs
from florascope.data.remarks import some
from florascope.doctor.checks.pictures import plain
from florascope.doctor.evidence import Answers, Evidence, Finding, Subset, performance
from florascope.doctor.properties import SIDE

NAMES = {"train": "train", "val": "validation", "test": "test"}
FILES, BYTES, NEAR = "files", "photos (equal bytes)", "photos (near-duplicates)"
PARTS = "photos (crops or edits)"
LEAKING = 0.02  # of the photos that measure


@dataclass(frozen=True)
class Sides:
    """Two subsets that must share nothing.

    Attributes:
        seen: the one whose photos the network has learned or been chosen by.
        measured: the one that says how good it is.
    """

    seen: str
    measured: str

    def cause(self, what: str) -> str:
        """Name the cause, such as "train and validation share files"."""
        return f"{NAMES[self.seen]} and {NAMES[self.measured]} share {what}"

    def of(self, evidence: Evidence) -> tuple[Subset, Subset] | None:
        """Return both subsets, None where one is not to be had."""
        seen, measured = getattr(evidence, self.seen), getattr(evidence, self.measured)
        return None if seen is None or measured is None else (seen, measured)

    def paths(self, evidence: Evidence) -> Finding | None:
        """No file is in both."""
        both = self.of(evidence)
        return both and self._leak("paths", FILES, both[1], _equal(both, "paths"), 0.99)

    def contents(self, evidence: Evidence) -> Finding | None:
        """No two files, one in each, have the same bytes."""
        both = self.of(evidence)
        if both is None or _equal(both, "paths"):
            return None
        return self._leak("digests", BYTES, both[1], _equal(both, "digests"), 0.98)

    def near(self, evidence: Evidence) -> Finding | None:
        """No photo of one looks like a photo of the other resized or saved again."""
        both = self.of(evidence)
        if both is None:
            return None
        return self._leak("near", NEAR, both[1], _alike(both) - _same(both), 0.93)

    def derived(self, evidence: Evidence) -> Finding | None:
        """No photo of one is a crop or an edit of a photo of the other, or of the same scene."""
        both, found = self.of(evidence), evidence.derived.get((self.seen, self.measured))
        if both is None or not found:
            return None
        copies = _same(both) | _alike(both)
        left = {one.place: one for one in found if one.place not in copies}
        pairs = some([f"{one.photo} ~ {one.source}" for one in left.values()])
        told = f"share their picture, in part or edited, with {self.seen} photos: {pairs}"
        return self._leak("derived", PARTS, both[1], left, 0.9, told)

    def _leak(
        self,
        kind: str,
        what: str,
        subset: Subset,
        doubled: Collection[int],
        sure: float,
        told: str = "",
    ) -> Finding | None:
        if not doubled:
            return None
        first = f" ({subset.paths[min(doubled)]} first)" if subset.paths else ""
        text = told or f"are copies of {self.seen} photos{first}"
        name = kind if self.measured == "val" else f"{self.seen}_{self.measured}_{kind}"
        return Finding(
            f"split.{name}",
            self.cause(what),
            "error" if len(doubled) > LEAKING * subset.size else "warning",
            f"{len(doubled)} of {subset.size} {self.measured} photos {text}",
            "none: what was learned by heart measures nothing",
            "Keep doubled photos on one side of the split",
            sure,
        )


def _same(both: tuple[Subset, Subset]) -> set[int]:
    """Places in the second subset of files that the first has, too, by path or bytes."""
    return _equal(both, "paths") | _equal(both, "digests")


def _alike(both: tuple[Subset, Subset]) -> set[int]:
    """Places in the second subset of photos that look like one of the first."""
    if both[0].hashes is None or both[1].hashes is None:
        return set()
    return {*near_pairs(both[1].hashes, both[0].hashes)[:, 0].tolist()}


def _equal(both: tuple[Subset, Subset], kind: str) -> set[int]:
    """Places in the second subset of what the first has, too."""
    seen: Sequence[str] = getattr(both[0], kind)
    measured: Sequence[str] = getattr(both[1], kind)
    shared = set(seen) & set(measured)
    return {i for i, key in enumerate(measured) if key in shared}


TRAIN_VAL, TRAIN_TEST, VAL_TEST = (
    Sides("train", "val"),
    Sides("train", "test"),
    Sides("val", "test"),
)
LEAK_CHECKS: tuple[Callable[[Evidence], Finding | None], ...] = tuple(
    check
    for sides in (TRAIN_VAL, TRAIN_TEST, VAL_TEST)
    for check in (sides.paths, sides.contents, sides.near, sides.derived)
)


COLLAPSED = "collapsed features"
CONSTANT = "constant predictions"
ALIVE, OUTWEIGHS = 0.05, 100.0  # deviation of logits over photos; a lead, in such deviations

SAME_FEATURES = 0.01  # spread of features over their size: every photo gets the same ones
ENOUGH = 4  # photos: fewer span no dimensions
RANK = 1.5  # effective dimensions
MOSTLY = 0.9  # of the answers


def collapsed(evidence: Evidence) -> Finding | None:
    """Features differ between photos, in more than one direction."""
    answers = evidence.val_answers
    if answers is None or not np.isfinite(answers.features).all():
        return None
    if len(answers.labels) < ENOUGH or _performs(evidence):
        return None
    spread, rank = relative_spread(answers.features), effective_rank(answers.features)
    dead = float((answers.features.std(0) == 0).mean())
    # Two classes need no more than one direction.
    if spread > SAME_FEATURES and (rank > RANK or evidence.classes < 3):
        return None
    return Finding(
        "features.collapsed",
        COLLAPSED,
        "error",
        f"features of different photos differ by {spread:.2%} of their size, in {rank:.1f}"
        f" effective dimensions of {answers.features.shape[1]} ({dead:.0%} never change)",
        "a spread of tens of percent, in many dimensions",
        "Look at the input's scale and at the weights; a learning rate too high kills ReLUs",
        0.8,
    )


def _performs(evidence: Evidence) -> bool:
    reached = performance(evidence)
    return reached is not None and reached.performs


def relative_spread(features: Float[np.ndarray, "n c"]) -> float:
    """Root mean square deviation from the mean feature over the root mean square feature."""
    size = float(np.sqrt(np.square(features).mean()))
    return float(features.std(0).mean()) / size if size else 0.0


def effective_rank(features: Float[np.ndarray, "n c"]) -> float:
    """Participation ratio of the covariance's eigenvalues, (sum e)^2 / sum e^2."""
    centred = (features - features.mean(0)).astype(np.float64)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    total = np.square(gram).sum()
    return float(np.trace(gram) ** 2 / total) if total > 0 else 0.0


def constant(evidence: Evidence) -> Finding | None:
    """Answers are of many classes, as the labels are."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained:
        return None
    said = np.bincount(answers.outputs.argmax(1), minlength=evidence.classes) / len(answers.labels)
    inside = answers.labels[(answers.labels >= 0) & (answers.labels < evidence.classes)]
    truth = np.bincount(inside, minlength=evidence.classes) / max(len(inside), 1)
    if said.max() < MOSTLY or truth.max() > 0.8 * MOSTLY:
        return None
    first = int(said.argmax())
    found = (
        f"{said.max():.0%} of val is answered as class {first}, whose share is {truth[first]:.0%}"
    )
    return _outweighed(answers, first, found) or Finding(
        "features.constant",
        CONSTANT,
        "error",
        found,
        "answers spread over the classes",
        "See the other findings; a loss that diverged leaves one class",
        0.75,
    )


def _outweighed(answers: Answers, first: int, found: str) -> Finding | None:
    """Photos move the logits, but by next to nothing beside one class's lead."""
    others = np.delete(answers.outputs, first, axis=1)
    lead = float((answers.outputs[:, first] - others.max(1)).min())
    moved = float(others.std(0).mean())
    if moved < ALIVE or lead < OUTWEIGHS * moved:
        return None
    return Finding(
        "features.outweighed",
        CONSTANT,
        "error",
        f"{found}: its logit leads by {lead:.3g} where photos move the others by {moved:.2g}",
        "a lead that photos can outweigh",
        "Look at the last layer's bias: its initial values, its learning rate, what was loaded",
        0.93,
    )


FEATURE_CHECKS = (collapsed, constant)


TINY = "split is tiny"
ONE_BATCH = "an epoch is one batch: few of the train photos are ever seen"
SWAPPED = "train and validation swapped"

COPIES = "validation photos are changed copies of train photos (augmented before the split)"
CLOSER = 0.45  # of the distance to the eighth nearest; photos of one class lie at 0.7 to 0.95
NEIGHBOURS = 7
COPIED = 0.5  # of val; of plain drawings a third lie as close
FEW = 20  # val photos: one is five points of accuracy
UNSEEN = 0.5  # share of the classes without a val photo
SAME_CLASS = 0.7  # of the doubled photos have the label of their double
SAME = 1e-3  # relative distance of the features of one photo, up to rounding
SPREAD = 0.01  # features that do not differ at all say nothing


def tiny(evidence: Evidence) -> Finding | None:
    """Enough val photos to tell good from bad, and train photos of every class."""
    if evidence.train is None or evidence.val is None:
        return None
    classes = _met(evidence.train, evidence.val, evidence.classes)
    n, untrained = evidence.val.size, _absent(evidence.train, classes)
    missing = _absent(evidence.val, classes) / max(len(classes), 1)
    if n >= FEW and missing <= UNSEEN and untrained <= len(classes) // 2:
        return None
    whole = not untrained and not missing
    return Finding(
        "split.tiny",
        TINY,
        "error",
        f"{evidence.train.size} train photos ({untrained} of {len(classes)} classes have"
        f" none) and {n} val photos ({missing:.0%} of the classes have none)",
        f"at least {FEW} val photos, and every class in both",
        "Add photos: ten a class are little, fifty are good"
        if whole
        else "Split by classes, such as 80/10/10 of each",
        0.9,
    )


def _met(train: Subset, val: Subset, classes: int) -> Indexes:
    """Classes with a photo on either side: a network may have outputs that no photo asks for."""
    labels = np.concatenate([train.labels, val.labels])
    return np.unique(labels[(labels >= 0) & (labels < classes)])


def _absent(subset: Subset, classes: Indexes) -> int:
    """Classes without a photo; 0 where not every label is known."""
    if len(subset.labels) < subset.size:
        return 0
    return len(np.setdiff1d(classes, subset.labels))


def swapped(evidence: Evidence) -> Finding | None:
    """Train is the larger part."""
    if evidence.train is None or evidence.val is None:
        return None
    train, val = evidence.train.size, evidence.val.size
    if val <= 2 * train:
        return None
    if evidence.drawn is not None and len(evidence.drawn.batches) == 1:
        return Finding(
            "split.one_batch",
            ONE_BATCH,
            "error",
            f"the train loader gives one batch of {train} photos, val has {val}",
            "batches of all train photos in every epoch",
            "Look for a limit that was left from debugging (steps per epoch, a subset, a break)",
            0.92,
        )
    return Finding(
        "split.swapped",
        SWAPPED,
        "error",
        f"{train} train photos and {val} val photos",
        "more train photos than val photos",
        "Check which set is which (Oxford 102's tstid is the largest of its three)",
        0.9,
    )


def features(evidence: Evidence) -> Finding | None:
    """Where the photos themselves are not to be had: no val photo has a train photo's features."""
    train, val = evidence.train_answers, evidence.val_answers
    if train is None or val is None or evidence.val is None or evidence.val.digests:
        return None
    if relative_spread(val.features) < SPREAD or effective_rank(val.features) < RANK:
        return None  # on a line, features of different photos come close
    size = np.maximum(np.linalg.norm(val.features.astype(np.float64), axis=1), 1e-6)
    apart = np.sqrt(_squares(val.features, train.features).min(1)) / size
    doubled = np.flatnonzero((apart < SAME) & ~_blank(evidence))
    share = len(doubled) / len(val.labels)
    if len(doubled) < 3 or share < LEAKING:
        return None
    near = _squares(val.features[doubled], train.features).argmin(1)
    if (train.labels[near] == val.labels[doubled]).mean() < SAME_CLASS:
        return None  # features that cannot tell classes apart, not photos that are there twice
    found = f"{len(doubled)} of {len(val.labels)} val photos have the features of a train photo"
    expected = "none: what was learned by heart measures nothing"
    fix = "Keep doubled photos on one side of the split"
    return Finding("split.features", TRAIN_VAL.cause(NEAR), "error", found, expected, fix, 0.85)


def changed_copies(evidence: Evidence) -> Finding | None:
    """No val photo is a train photo flipped, cropped, brightened or otherwise changed."""
    train, val = evidence.train_pictures, evidence.val_pictures
    if train is None or val is None or train.small is None or val.small is None:
        return None
    if train.small.shape[1] != val.small.shape[1] or len(train.small) <= NEIGHBOURS:
        return None
    cubes = val.small.reshape(len(val.small), 3, SIDE, SIDE)
    mirrored = cubes[:, :, :, ::-1].reshape(val.small.shape)
    alike = np.maximum(val.small @ train.small.T, mirrored @ train.small.T)
    best = -np.partition(-alike, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1]
    nearest, usual = (np.sqrt(np.maximum(2 - 2 * f, 0)) for f in (best.max(1), best.min(1)))
    share = float((nearest < CLOSER * usual)[~plain(val)].mean()) if len(val.small) else 0.0
    if share < COPIED:
        return None
    return Finding(
        "split.copies",
        COPIES,
        "error",
        f"{share:.0%} of the val photos lie far closer to one train photo than to all others: the"
        " same picture flipped, cropped or brightened",
        "none: what was learned by heart measures nothing",
        "Split first, then augment the train photos alone; keep photos of one original together",
        0.9,
    )


def _blank(evidence: Evidence) -> Bool[np.ndarray, "n"]:
    """Val photos of one colour, which are all alike and tell nothing."""
    pictures = evidence.val_pictures
    if pictures is None:
        return np.zeros(1, bool)
    return plain(pictures)


def _squares(
    ones: Float[np.ndarray, "n c"], others: Float[np.ndarray, "m c"]
) -> Float[np.ndarray, "n m"]:
    """Squared distances, |f - g|^2."""
    a, b = ones.astype(np.float64), others.astype(np.float64)
    squares = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None] - 2 * a @ b.T
    return np.maximum(squares, 0)


SPLIT_CHECKS = (features, changed_copies, swapped, tiny)
