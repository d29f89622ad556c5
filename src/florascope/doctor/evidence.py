"""What the checks look at: records gathered once, each None where it is not to be had."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from florascope.doctor.anatomy import Modes, Network, Traces
from florascope.doctor.photometry import Fit
from florascope.doctor.properties import Pictures
from florascope.doctor.provenance import Origins
from florascope.doctor.recording import Pulled, Recording
from florascope.doctor.trials import Loop, Substitution
from florascope.health.quick_probe import QuickProbe
from florascope.preprocessing import Preprocessing

Outputs = Float[np.ndarray, "n k"]
Labels = Int64[np.ndarray, "n"]
AS_IT_IS = "as it is"  # the canary's input, untouched


@dataclass(frozen=True, eq=False)
class Subset:
    """All photos of train, val or test, as far as they can be told without a network.

    Attributes:
        size: photos in all.
        labels: (n,) of all photos where they are known, of a sample elsewhere.
        classes: names in the order of the labels; () where unknown.
        paths: of the n photos; () where unknown.
        digests: of their bytes; () where unknown.
        hashes: (size, bits) perceptual hashes; None where unknown.
        origins: of some of the photos' files; None where there are none.
    """

    size: int
    labels: Labels
    classes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    hashes: Bool[np.ndarray, "size bits"] | None = None
    origins: Origins | None = None


class Derived(NamedTuple):
    """A photo of one subset that is a part or an edit of one of another, or the other way round.

    Attributes:
        place: of the photo in its subset.
        photo: where it lies.
        source: where the photo of the other subset lies.
    """

    place: int
    photo: str
    source: str


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says of some photos of a subset, in eval mode.

    Attributes:
        labels: (n,).
        outputs: (n, K) as the network gives them, logits or not.
        features: (n, c) that its last layer sees.
        batches: sizes of the batches that it was asked in; () where unknown.
    """

    labels: Labels
    outputs: Outputs
    features: Float[np.ndarray, "n c"]
    batches: tuple[int, ...] = ()

    @property
    def top1(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())

    @property
    def right(self) -> Bool[np.ndarray, "n"]:
        """Which answers are right."""
        return self.outputs.argmax(1) == self.labels

    @property
    def mean_class(self) -> float:
        """Share of right answers of each class, its mean over the classes that are there."""
        right = self.right
        return float(np.mean([right[self.labels == k].mean() for k in np.unique(self.labels)]))


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the loaders hand to the network.

    Attributes:
        train: a batch, as the first convolution sees it.
        val: likewise.
        contract: what the weights expect; None where nobody said.
        binding: whether the contract holds for sure: it was told, or the weights do not train.
        fit: how the val photos became tensors; None where the photos are not to be had.
        rotated: the same for photos with an EXIF rotation: R^2 of the upright photo and of the
            photo as stored.
        standardised: val accuracy of a probe on the features of photos standardised as the contract
            says, which was read off the network; None where it was told, or nothing was tried.
        serving: how the photos become tensors where the network answers.
        val_repeats: whether a val photo fetched twice is the same tensor.
        train_repeats: whether a train photo fetched twice is.
        augments: whether train is meant to be augmented.
        workers_agree: whether two workers draw the same augmentation.
        rescalings: of the network's own rescaling layers, in order.
    """

    train: Float32[np.ndarray, "..."]
    val: Float32[np.ndarray, "..."]
    contract: Preprocessing | None = None
    binding: bool = True
    fit: Fit | None = None
    rotated: tuple[float, float] | None = None
    standardised: float | None = None
    serving: Fit | None = None
    val_repeats: bool | None = None
    train_repeats: bool | None = None
    augments: bool = False
    workers_agree: bool | None = None
    rescalings: tuple["Rescaling", ...] = ()


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A layer that computes scale * x + offset.

    Attributes:
        name: of the layer.
        scale: its factor, such as 1 / 255.
        low: smallest value of a val batch that comes in.
        high: largest value that comes in.
    """

    name: str
    scale: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the train loader hands over, batch after batch.

    Attributes:
        batches: labels of each batch, in the order in which they come.
        distinct: different photos among them; augmented ones all differ.
        once: photos that come before any comes again.
        there: labels of photos picked evenly from the data set; None where it has no index.
        soft: whether labels are mixtures of classes.
    """

    batches: tuple[Int64[np.ndarray, "_"], ...]
    distinct: int
    there: Labels | None = None
    soft: bool = False
    once: int = 0

    @classmethod
    def of(
        cls,
        batches: Sequence[Int64[np.ndarray, "_"]],
        prints: Sequence[int],
        there: Labels | None = None,
        *,
        soft: bool = False,
    ) -> Self:
        """Count different photos by their fingerprints, in the order in which they came."""
        first = {key: at for at, key in reversed(list(enumerate(prints)))}
        again = (at for at, key in enumerate(prints) if first[key] != at)
        return cls(tuple(batches), len(first), there, soft, next(again, len(prints)))


@dataclass(frozen=True, slots=True)
class Claims:
    """What the script says of itself.

    Attributes:
        reported: figures by name, such as val_top1 (0 to 1).
        half: what its metric says of planted answers of which exactly half are right.
    """

    reported: Mapping[str, float] = field(default_factory=dict)
    half: float | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything gathered about one training.

    Attributes:
        classes: K, the width of the network's output.
        trained: whether training is over, so that answers can be judged.
        train: the whole subset.
        val: the whole subset.
        test: the whole subset.
        train_answers: of the network on photos it was trained on.
        val_answers: on photos it was not.
        test_answers: on photos that measure in the end; None where there are none.
        inputs: what the loaders hand over.
        modes: one batch in each mode.
        network: its parameters.
        loop: the training.
        claims: what the script says.
        train_pictures: photos of train in named numbers.
        val_pictures: photos of val.
        test_pictures: photos of test.
        drawn: what the train loader hands over.
        traces: what training left behind.
        substitution: the training again with parts exchanged.
        canary: mean largest probability of the pretrained head, by what was done to the input
            ("as it is", "x 255", ...); empty where there is no such head.
        recording: of the training loop, where it was watched.
        pulled: what its loss asked, held against the loader's labels; None where unknown.
        met: share of the val photos that were met in some watched batches of the training, and are
            not also in train; None where none of either was.
        entering: photos of train and val as they enter the network, behind preprocessing and
            augmentation of its own (train in train mode), shrunk to their given size; None where
            it has none.
        derived: photos that keypoints call parts or edits of photos of another subset, by both
            subsets' names, such as ("train", "val"): those of val; empty where nobody looked.
        exchanged: val accuracy by what was done to the photos ("as it is", ...); empty where
            nothing was.
    """

    classes: int
    trained: bool = True
    train: Subset | None = None
    val: Subset | None = None
    test: Subset | None = None
    train_answers: Answers | None = None
    val_answers: Answers | None = None
    test_answers: Answers | None = None
    inputs: Inputs | None = None
    modes: Modes | None = None
    network: Network | None = None
    loop: Loop | None = None
    claims: Claims | None = None
    train_pictures: Pictures | None = None
    val_pictures: Pictures | None = None
    test_pictures: Pictures | None = None
    drawn: Drawn | None = None
    traces: Traces | None = None
    substitution: Substitution | None = None
    canary: Mapping[str, float] = field(default_factory=dict)
    recording: Recording | None = None
    pulled: Pulled | None = None
    met: float | None = None
    derived: Mapping[tuple[str, str], Sequence[Derived]] = field(default_factory=dict)
    exchanged: Mapping[str, float] = field(default_factory=dict)
    entering: tuple[Pictures, Pictures] | None = None

    @cached_property
    def probe(self) -> QuickProbe | None:
        """A quick probe on the features, or None where there are too few."""
        if self.train_answers is None or self.val_answers is None:
            return None
        return QuickProbe.fit(self.train_answers, self.val_answers, self.classes)

    @property
    def labels_outside(self) -> bool:
        """Whether a label is none of 0 to K - 1."""
        parts = (self.train_answers, self.val_answers)
        return any(p.labels.min() < 0 or p.labels.max() >= self.classes for p in parts if p)


REACHED = 0.1  # share of what can be reached, below which nothing much is lost
LOST = 0.2  # share of what can be reached above chance, from which there is something to explain
SIGMAS = 2.0


@dataclass(frozen=True, slots=True)
class Performance:
    """Accuracies on the same val photos.

    Attributes:
        run: of the network.
        reachable: the best of a probe on its features, a small network of our own, and the script's
            network trained again with sound parts.
        chance: of a uniform guess.
        photos: that were asked about.
    """

    run: float
    reachable: float
    chance: float
    photos: int

    @property
    def lost(self) -> float:
        """Share of the reachable accuracy above chance that the run lacks, beyond doubt, 0 to 1."""
        room = self.reachable - self.chance
        doubt = SIGMAS * math.sqrt(max(self.reachable * (1 - self.reachable), 0.01) / self.photos)
        gap = self.reachable - self.run - doubt
        return min(max(gap / room, 0.0), 1.0) if room > doubt else 0.0

    def share(self, high: float, low: float) -> float:
        """Share of the gap between run and reachable that a difference of accuracies makes up."""
        return min(max((high - low) / max(self.reachable - self.run, 1e-6), 0.0), 1.0)

    @property
    def learned(self) -> bool:
        """Whether the run is better than chance, beyond doubt."""
        doubt = SIGMAS * math.sqrt(self.chance * (1 - self.chance) / self.photos)
        return self.run > self.chance + doubt

    @property
    def performs(self) -> bool:
        """Whether the run reaches about what it can."""
        return self.learned and self.lost < REACHED


def performance(evidence: Evidence) -> Performance | None:
    """Hold the run against what can be reached; None where answers cannot be judged."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained or evidence.classes < 2:
        return None
    tried = evidence.substitution
    reached = [tried.reachable] if tried else []
    if tried and tried.exchange:
        reached.append(tried.exchange.sound)
    if evidence.probe is not None:
        reached.append(evidence.probe.val_top1)
    if not reached:
        return None
    return Performance(answers.top1, max(reached), 1 / evidence.classes, len(answers.labels))


def explained(evidence: "Evidence", high: float, low: float) -> float | None:
    """Share of the lost accuracy that a difference makes up; None where nothing is lost."""
    reached = performance(evidence)
    return None if reached is None or reached.lost < LOST else reached.share(high, low)


Severity = Literal["error", "warning", "note"]

WEIGHTS: dict[Severity, float] = {"error": 1.0, "warning": 0.6, "note": 0.2}


def standard_error(share: float, photos: int) -> float:
    """Standard error of a share of photos, as if at least a hundredth were the other way."""
    return math.sqrt(max(share * (1 - share), 0.01) / photos)


UNEXPLAINED = 0.3  # of its weight: what a finding keeps that was measured to cost nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found wrong, with what to do.

    Attributes:
        check: name of the check, "family.name".
        cause: what is wrong, in a few fixed words.
        severity: "error" where the results cannot be trusted, "warning" where they suffer or may
            do, "note" where one should know.
        found: what was met, with numbers.
        expected: what a sound training shows.
        fix: what to change.
        confidence: how sure the check is that this is a cause, 0 to 1.
        explains: share of the lost accuracy that this was measured to cost, 0 to 1; None where it
            was not measured.
    """

    check: str
    cause: str
    severity: Severity
    found: str
    expected: str
    fix: str
    confidence: float
    explains: float | None = None

    @property
    def weight(self) -> float:
        """What findings are ordered by: confidence, less for what does or explains less."""
        share = 1.0 if self.explains is None else UNEXPLAINED + (1 - UNEXPLAINED) * self.explains
        return self.confidence * WEIGHTS[self.severity] * share

    def __str__(self) -> str:
        return (
            f"{self.severity}: {self.cause} ({self.confidence:.0%} sure, {self.check})\n"
            f"  found: {self.found}\n  expected: {self.expected}\n  fix: {self.fix}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values; what it explains orders findings, and stays here."""
        return {name: value for name, value in asdict(self).items() if name != "explains"}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put the most likely cause first; equals keep their order."""
    return tuple(sorted(findings, key=lambda finding: -finding.weight))
