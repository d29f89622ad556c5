"""The results table: this run, rivals, the class report that started it all, and chance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from florascope.metrics import Metrics
from florascope.report.figures import Figures
from florascope.report.words import Words
from florascope.training.class_report import CLASS_REPORT


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


def class_report_rows(words: Words) -> list[ResultRow]:
    """Return what a class report got with the seed recipe on Oxford Flowers 102, 80/10/10."""
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
