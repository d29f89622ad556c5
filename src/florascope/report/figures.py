"""The figures of a run that a report shows: of subsets, of classes, and beside its rivals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.data.dataset import Dataset
from florascope.data.oxford102 import NAME
from florascope.metrics import ClassMetrics, Confusion, Metrics, most_confused, per_class, softmax
from florascope.report.words import Words
from florascope.training.class_report import CLASS_REPORT
from florascope.training.experiment import Experiment
from florascope.training.recipes import Recipe


@dataclass(frozen=True)
class Figures:
    """What a run measured.

    Attributes:
        metrics: of "train", "val" and "test".
        names: of the K classes.
        trained: training photos of each class, (K,).
        classes: test figures of each class, (K,).
        confusions: every (true, predicted) pair met on test, most frequent first.
        confidence: mean probability of the answer on test.
        recipe: how the head was fitted.
        history: one row a step of the fit.
        photos: of the data set, readable or not.
        skipped: photos that could not be read.
        calibration: what the bundle's percentages and refusals rest on.
    """

    metrics: dict[str, Metrics]
    names: tuple[str, ...]
    trained: tuple[int, ...]
    classes: tuple[ClassMetrics, ...]
    confusions: tuple[Confusion, ...]
    confidence: float
    recipe: Recipe
    history: tuple[dict[str, float], ...]
    photos: int
    skipped: int
    calibration: Calibration | None = None

    @property
    def step(self) -> str:
        """What a row of the history is: "epoch", or "iteration" of a probe."""
        return "epoch" if "epoch" in self.history[0] else "iteration"

    @property
    def best(self) -> int:
        """The row of the history with the lowest validation loss."""
        return int(np.argmin([row["val_loss"] for row in self.history]))

    @property
    def uniform_loss(self) -> float:
        """Cross-entropy of the uniform guess, ln K, in nats."""
        return math.log(len(self.names))

    @property
    def majority(self) -> float:
        """Test top-1 of always answering the class with most training photos."""
        support = self.classes[int(np.argmax(self.trained))].support
        return support / max(1, self.metrics["test"].n)

    @property
    def chance(self) -> float:
        """Best test top-1 without looking at the photo: uniform guess or largest class."""
        return max(1 / len(self.names), self.majority)

    @property
    def errors(self) -> int:
        """Test photos that were misnamed."""
        return sum(confusion.count for confusion in self.confusions)


def figures_of(experiment: Experiment) -> Figures:
    """Collect a run's figures."""
    test, labels = experiment.split.test, experiment.dataset.labels
    logits, names = experiment.logits[test], [c.name for c in experiment.dataset.classes]
    trained = np.bincount(labels[experiment.split.train], minlength=len(names))
    return Figures(
        metrics=experiment.metrics,
        names=tuple(names),
        trained=tuple(trained.tolist()),
        classes=tuple(per_class(logits, labels[test])),
        confusions=tuple(most_confused(logits, labels[test], limit=len(names) ** 2)),
        confidence=float(softmax(logits).max(1).mean()),
        recipe=experiment.recipe,
        history=tuple(experiment.history),
        photos=len(experiment.dataset),
        skipped=len(experiment.bank.problems),
        calibration=experiment.calibrated and experiment.calibrated.calibration,
    )


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class.

    Attributes:
        id: the source's own.
        name: for people.
        trained: training photos.
        test: figures on test.
        taken_for: name of the class it is most often confused with, or nothing.
    """

    id: str
    name: str
    trained: int
    test: ClassMetrics
    taken_for: str


def class_rows(figures: Figures, ids: list[str]) -> list[ClassRow]:
    """Return every class, lowest recall first; classes without test photos last."""
    taken_for: dict[int, str] = {}
    for confusion in figures.confusions:  # most frequent first
        taken_for.setdefault(confusion.true, figures.names[confusion.predicted])
    rows = [
        ClassRow(ids[k], name, figures.trained[k], figures.classes[k], taken_for.get(k, ""))
        for k, name in enumerate(figures.names)
    ]
    return sorted(rows, key=lambda row: (not row.test.support, row.test.recall))


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One row of the results table; None where a figure is not known.

    Attributes:
        label: whose result.
        subset: "train", "val" or "test".
        top1: share of right answers.
        top5: share with the true class among the first five.
        mean_class: mean of the classes' top-1.
        loss: mean cross-entropy in nats.
        n: photos measured.
        digits: decimals of the percentages that are known.
    """

    label: str
    subset: str
    top1: float | None = None
    top5: float | None = None
    mean_class: float | None = None
    loss: float | None = None
    n: int | None = None
    digits: int = 2

    @classmethod
    def of(cls, label: str, subset: str, metrics: Metrics) -> Self:
        """Make a row from measured figures."""
        return cls(
            label,
            subset,
            metrics.top1,
            metrics.top5,
            metrics.mean_class,
            metrics.loss,
            metrics.n,
        )


def own_rows(figures: Figures, words: Words) -> list[ResultRow]:
    """Return this run's rows."""
    label = words("results.own")
    return [ResultRow.of(label, subset, metrics) for subset, metrics in figures.metrics.items()]


def class_report_rows(dataset: Dataset, words: Words) -> list[ResultRow]:
    """Return what a class report got on Oxford Flowers 102, 80/10/10.

    Photos of anything else are not as hard, so that their runs cannot be compared: no rows.
    """
    if dataset.published != NAME:
        return []
    label = words("results.original")
    return [
        ResultRow(label, "train", CLASS_REPORT.train_top1, digits=0),
        ResultRow(label, "val", CLASS_REPORT.val_top1, digits=0),
        ResultRow(label, "test", CLASS_REPORT.test_top1, loss=CLASS_REPORT.test_loss),
    ]


def chance_rows(figures: Figures, words: Words) -> list[ResultRow]:
    """Return what answering without looking scores on test: uniformly, or the largest class."""
    classes = len(figures.names)
    present = sum(c.support > 0 for c in figures.classes)
    uniform = ResultRow(
        words("results.uniform"),
        "test",
        1 / classes,
        min(1.0, 5 / classes),
        1 / classes,
        figures.uniform_loss,
    )
    majority = ResultRow(
        words("results.majority"),
        "test",
        figures.majority,
        mean_class=(figures.majority > 0) / max(1, present),
    )
    return [uniform, majority]


def grouped(rows: Sequence[ResultRow]) -> Iterator[tuple[str, list[ResultRow]]]:
    """Yield neighbouring rows of one label together."""
    group: list[ResultRow] = []
    for row in rows:
        if group and group[0].label != row.label:
            yield group[0].label, group
            group = []
        group.append(row)
    if group:
        yield group[0].label, group
