"""The most confused pair of classes, side by side."""

from dataclasses import dataclass

import numpy as np

from florascope.data.splits import Indexes
from florascope.evaluation.confusions import Confusion
from florascope.evaluation.metrics import softmax
from florascope.report.pictures import Picture, crop_of, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

SHOWN = 4  # photos of each kind


@dataclass(frozen=True)
class Pair:
    """Photos of one class that were named as another, with both classes' training photos.

    Attributes:
        true: name of the class.
        predicted: name it was given.
        count: how often.
        mistaken: the misnamed test photos, most confident errors first.
        of_true: training photos of the true class, nearest to the first mistaken photo first.
        of_predicted: training photos of the class it was named as, likewise.
    """

    true: str
    predicted: str
    count: int
    mistaken: tuple[Picture, ...]
    of_true: tuple[Picture, ...]
    of_predicted: tuple[Picture, ...]


def worst_pair(experiment: Experiment, worst: Confusion, words: Words) -> Pair:
    """Show the photos of a confusion.

    Args:
        experiment: the finished run.
        worst: the pair of classes to show.
        words: the language.
    """
    names = [c.name for c in experiment.dataset.classes]
    true, predicted = names[worst.true], names[worst.predicted]
    mistaken = _mistaken(experiment, worst)
    alt = words("pair.mistaken.alt", true=true, predicted=predicted)
    return Pair(
        true=true,
        predicted=predicted,
        count=worst.count,
        mistaken=_pictures(experiment, mistaken, alt),
        of_true=_training(experiment, int(mistaken[0]), worst.true, words),
        of_predicted=_training(experiment, int(mistaken[0]), worst.predicted, words),
    )


def _mistaken(experiment: Experiment, worst: Confusion) -> Indexes:
    test = experiment.split.test
    logits, labels = experiment.logits[test], experiment.dataset.labels[test]
    found = test[(labels == worst.true) & (logits.argmax(1) == worst.predicted)]
    sure = softmax(experiment.logits[found])[:, worst.predicted]
    ordered: Indexes = found[np.argsort(-sure, kind="stable")]
    return ordered


def _training(
    experiment: Experiment, mistaken: int, label: int, words: Words
) -> tuple[Picture, ...]:
    alt = words("pair.training.alt", name=experiment.dataset.classes[label].name)
    return _pictures(experiment, _nearest(experiment, mistaken, label), alt)


def _nearest(experiment: Experiment, index: int, label: int) -> Indexes:
    """Training photos of a class by the cosine of their features to a photo's, nearest first."""
    train = experiment.split.train
    own = train[experiment.dataset.labels[train] == label]
    features = experiment.bank.values[0]
    there, here = features[own], features[index]
    cosine = there @ here / np.maximum(np.linalg.norm(there, axis=1), 1e-12)
    ordered: Indexes = own[np.argsort(-cosine, kind="stable")]
    return ordered


def _pictures(experiment: Experiment, indexes: Indexes, alt: str) -> tuple[Picture, ...]:
    return tuple(picture(crop_of(experiment, int(i)), alt) for i in indexes[:SHOWN])
