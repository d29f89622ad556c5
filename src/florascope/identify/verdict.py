"""How much may be said about a photo: a species, a genus or family, candidates, or nothing."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.calibration.conformal import prediction_sets
from florascope.identify.catalogue import Catalogue, Rank
from florascope.shapes import Float

Level = Literal["species", "genus", "group", "family", "unsure", "none"]
RANKS: tuple[Rank, ...] = ("genus", "group", "family")
PLAUSIBLE = 0.01  # a poisonous plant at one in a hundred still deserves a word
TAIL = 0.01  # of probability that an uncalibrated set leaves out

Probabilities = Float[np.ndarray, "k"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said.

    Attributes:
        level: "species", "genus", "group" (its owner's), "family", "unsure" (candidates only) or
            "none" (unlike all that the classifier was shown).
        members: the classes it speaks of, most probable first: the species; the bundle's classes of
            the genus, group or family; the plausible classes, where unsure; nothing.
        group: the genus's, group's or family's name, else empty.
        probability: of the members together; 0 for none.
    """

    level: Level
    members: tuple[int, ...]
    group: str
    probability: float


class Judgement(NamedTuple):
    """What (K,) probabilities come to; `Conclusion` says what each part means."""

    probabilities: Probabilities
    prediction_set: tuple[int, ...]
    plausible: tuple[int, ...]
    verdict: Verdict


def judge(
    probabilities: Probabilities,
    alike: float | None,
    calibration: Calibration | None,
    catalogue: Catalogue,
) -> Judgement:
    """Return all that probabilities come to; for the arguments see `decide`."""
    held = prediction_set(probabilities, calibration)
    verdict = decide(probabilities, held, alike, calibration, catalogue)
    return Judgement(probabilities, held, plausible(probabilities, held, verdict.level), verdict)


def decide(
    probabilities: Probabilities,
    prediction_set: tuple[int, ...],
    alike: float | None,
    calibration: Calibration | None,
    catalogue: Catalogue,
) -> Verdict:
    """Say as much as the calibration bears out, in this order.

    - none: the photo is less like every class's mean than all but 3 % of known photos;
    - species: the prediction set holds one class, and it is as probable as the answers to all but
      8 % of known photos (1 and 3 %, where `unnamed` takes names of possible strangers back);
    - genus, group, family: the set lies within one that has several of the classes, and which is
      together as probable as a species would have to be;
    - unsure: everything else, and all that an uncalibrated bundle may say.

    Args:
        probabilities: (K,) calibrated.
        prediction_set: classes, most probable first.
        alike: largest similarity to a class mean; None where the graph has none.
        calibration: the bundle's; None where it has none.
        catalogue: the classes and their kinship.
    """
    candidates = plausible(probabilities, prediction_set, "unsure")
    doubt = unsure(candidates, probabilities)
    if calibration is None:
        return doubt
    if alike is not None and not alike >= calibration.alike:  # so that NaN is refused too
        return Verdict("none", (), "", 0.0)
    if len(prediction_set) == 1 and probabilities[prediction_set[0]] >= calibration.sure:
        return _verdict("species", prediction_set, probabilities)
    for rank in RANKS:
        kin = catalogue.kin(prediction_set[0], rank)
        together = float(probabilities[list(kin)].sum())
        if len(kin) > 1 and set(prediction_set) <= set(kin) and together >= calibration.sure:
            group = getattr(catalogue.species[kin[0]], rank)
            return _verdict(rank, ordered(kin, probabilities), probabilities, group)
    return doubt


def unnamed(judged: Judgement) -> Judgement:
    """Take back a species' name: there are candidates only."""
    if judged.verdict.level != "species":
        return judged
    return judged._replace(verdict=unsure(judged.plausible, judged.probabilities))


def prediction_set(
    probabilities: Probabilities, calibration: Calibration | None
) -> tuple[int, ...]:
    """Return the classes that the photo may show, most probable first.

    Without a calibration: the fewest that hold 99 % of the probability, without any promise.
    """
    if calibration is None:
        best = np.argsort(-probabilities, kind="stable")
        before = np.cumsum(probabilities[best]) - probabilities[best]
        return tuple(best[before < 1 - TAIL].tolist())
    thresholds = np.array(calibration.thresholds)
    (held,) = prediction_sets(probabilities[None], thresholds)
    return ordered(tuple(np.flatnonzero(held).tolist()), probabilities)


def plausible(
    probabilities: Probabilities, prediction_set: tuple[int, ...], level: Level
) -> tuple[int, ...]:
    """Return the classes whose harm is named: the prediction set and all of at least 1 %.

    Of a photo that is refused, the prediction set alone: other classes' shares mean little there.
    """
    if level == "none":
        return prediction_set
    held = np.flatnonzero(probabilities >= PLAUSIBLE).tolist()
    return ordered(tuple({*held, *prediction_set}), probabilities)


def ordered(indexes: tuple[int, ...], probabilities: Probabilities) -> tuple[int, ...]:
    """Sort classes by probability, most first; ties by index."""
    return tuple(sorted(indexes, key=lambda k: (-probabilities[k], k)))


def unsure(candidates: tuple[int, ...], probabilities: Probabilities) -> Verdict:
    """Return the verdict that names nothing but candidates."""
    return _verdict("unsure", candidates, probabilities)


def _verdict(
    level: Level, members: tuple[int, ...], probabilities: Probabilities, group: str = ""
) -> Verdict:
    together = float(probabilities[list(members)].sum())
    return Verdict(level, members, group, min(1.0, together))
