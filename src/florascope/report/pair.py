"""The most confused pair of classes, side by side, with the evidence in each photo."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from florascope.calibration.similarity import nearest
from florascope.data.dataset import Indexes
from florascope.explanation.attribution import Explainer
from florascope.explanation.inference import spread
from florascope.metrics import Confusion, softmax
from florascope.overlay import full_colour, overlay
from florascope.report.explained import Case, Map
from florascope.report.pictures import Picture, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

SHOWN = 4  # photos of each kind


@dataclass(frozen=True)
class PairSide:
    """A photo and, under it, its evidence."""

    photo: Picture
    overlay: Picture


@dataclass(frozen=True)
class Pair:
    """Photos of one class that were named as another, with both classes' training photos.

    Attributes:
        true: name of the class.
        predicted: name it was given.
        count: how often.
        mistaken: the misnamed test photos, most confident errors first, with the evidence for the
            answer less that for the true class.
        of_true: training photos of the true class, nearest to the first mistaken photo first,
            with the evidence for it.
        of_predicted: training photos of the class it was named as, likewise.
    """

    true: str
    predicted: str
    count: int
    mistaken: tuple[PairSide, ...]
    of_true: tuple[PairSide, ...]
    of_predicted: tuple[PairSide, ...]


def worst_pair(
    experiment: Experiment, worst: Confusion, explainer: Explainer, words: Words
) -> Pair:
    """Show the photos of a confusion.

    Args:
        experiment: the finished run.
        worst: the pair of classes to show.
        explainer: of the evidence in each photo.
        words: the language.
    """
    names = [c.name for c in experiment.dataset.classes]
    both = {"true": names[worst.true], "predicted": names[worst.predicted]}
    mistaken = _mistaken(experiment, worst)

    def tipped(case: Case) -> Map:
        return case.contrast(*(case.ask(explainer, k) for k in (case.predicted, case.true))).values

    def own(case: Case) -> Map:
        return case.ask(explainer, case.true).values

    def sides(
        indexes: Indexes, evidence: Callable[[Case], Map], alts: list[str]
    ) -> tuple[PairSide, ...]:
        cases = (Case.of(experiment, i, words) for i in indexes.tolist())
        return tuple(spread(lambda case: _side(case, evidence, alts), cases))

    def training(label: int) -> tuple[PairSide, ...]:
        alts = [words(key, name=names[label]) for key in ("pair.training.alt", "pair.heat.alt")]
        found = _nearest(experiment, int(mistaken[0]), label)
        return sides(found, own, alts)

    alts = [words(key, **both) for key in ("pair.mistaken.alt", "pair.contrast.alt")]
    return Pair(
        **both,
        count=worst.count,
        mistaken=sides(mistaken[:SHOWN], tipped, alts),
        of_true=training(worst.true),
        of_predicted=training(worst.predicted),
    )


def _mistaken(experiment: Experiment, worst: Confusion) -> Indexes:
    test = experiment.split.test
    logits, labels = experiment.logits[test], experiment.dataset.labels[test]
    found = test[(labels == worst.true) & (logits.argmax(1) == worst.predicted)]
    sure = softmax(experiment.logits[found])[:, worst.predicted]
    ordered: Indexes = found[np.argsort(-sure, kind="stable")]
    return ordered


def _nearest(experiment: Experiment, index: int, label: int) -> Indexes:
    """Training photos of a class, nearest to a photo first."""
    train = experiment.split.train
    features = experiment.bank.values[0]
    own = train[experiment.dataset.labels[train] == label]
    return nearest(features, features[index], own, SHOWN)


def _side(case: Case, evidence: Callable[[Case], Map], alts: list[str]) -> PairSide:
    values = evidence(case)
    over = overlay(case.crop, values, full_colour(values))
    return PairSide(picture(case.crop, alts[0]), picture(over, alts[1]))
