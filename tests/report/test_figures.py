"""Figures collected from a run, against counts made by hand."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from florascope.data.oxford102 import NAME
from florascope.metrics import ClassMetrics, Confusion
from florascope.report.figures import (
    Figures,
    ResultRow,
    chance_rows,
    class_report_rows,
    class_rows,
    figures_of,
    grouped,
    own_rows,
)
from florascope.report.words import Words
from florascope.training.experiment import Experiment


def test_the_planted_run(experiment: Experiment) -> None:
    found = figures_of(experiment)
    assert found.trained == (4, 4, 4, 4)
    assert [c.support for c in found.classes] == [1, 2, 3, 2]
    assert [(c.true, c.predicted, c.count) for c in found.confusions] == [(1, 0, 1), (2, 1, 1)]
    assert found.errors == 2
    assert (found.photos, found.skipped) == (32, 0)


def test_confidence_is_the_mean_largest_probability(experiment: Experiment) -> None:
    logits = experiment.logits[experiment.split.test].astype(np.float64)
    expected = np.mean([np.exp(row.max()) / np.exp(row).sum() for row in logits])
    assert figures_of(experiment).confidence == pytest.approx(expected)


def test_chance(experiment: Experiment) -> None:
    found = figures_of(experiment)
    assert found.uniform_loss == pytest.approx(math.log(4))
    assert found.majority == pytest.approx(1 / 8)  # class 0 comes first among equals: 1 of 8
    assert found.chance == pytest.approx(1 / 4)


def test_unreadable_photos_are_counted(seeded: Experiment) -> None:
    found = figures_of(seeded)
    assert found.skipped == 1
    assert found.trained == (3, 4, 4, 4)


def test_lowest_recall_first_and_untested_last(figures: Callable[..., Figures]) -> None:
    classes = (
        ClassMetrics(0, 0.0, 0.0, 0.0),
        ClassMetrics(10, 0.9, 1.0, 0.95),
        ClassMetrics(10, 0.4, 1.0, 0.57),
        ClassMetrics(10, 1.0, 0.6, 0.75),
    )
    pairs = (Confusion(2, 3, 5, 0.5), Confusion(2, 0, 1, 0.1), Confusion(1, 3, 1, 0.1))
    planted = figures(trained=(1, 2, 3, 4), classes=classes, confusions=pairs)
    rows = class_rows(planted, ["a", "b", "c", "d"])
    assert [row.name for row in rows] == ["crocus", "bluebell", "daisy", "anemone"]
    assert [row.id for row in rows] == ["c", "b", "d", "a"]
    assert [row.trained for row in rows] == [3, 2, 4, 1]
    assert [row.taken_for for row in rows] == ["daisy", "daisy", "", ""]


EN = Words.of("en")
Make = Callable[..., Figures]


def test_own_rows_are_the_metrics(figures: Make) -> None:
    rows = own_rows(figures(), EN)
    assert [row.subset for row in rows] == ["train", "val", "test"]
    for row, metrics in zip(rows, figures().metrics.values(), strict=True):
        assert (row.top1, row.top5, row.mean_class) == (
            metrics.top1,
            metrics.top5,
            metrics.mean_class,
        )
        assert (row.loss, row.n) == (metrics.loss, metrics.n)


def test_the_class_reports_figures(experiment: Experiment) -> None:
    oxford = replace(experiment.dataset, published=NAME)
    train, val, test = class_report_rows(oxford, EN)
    assert (train.top1, val.top1, test.top1, test.loss) == (0.14, 0.05, 0.0520, 4.6937)
    # Read off curves, two of them are known to a hundredth only.
    assert (train.digits, val.digits, test.digits) == (0, 0, 2)


def test_other_photos_are_not_compared_with_oxfords(experiment: Experiment) -> None:
    assert class_report_rows(experiment.dataset, EN) == []
    assert class_report_rows(replace(experiment.dataset, published="garden"), EN) == []


def test_chance_in_closed_form(figures: Make) -> None:
    uniform, majority = chance_rows(figures(trained=(10, 30, 20, 20)), EN)
    assert uniform.top1 == uniform.mean_class == pytest.approx(0.25)
    assert uniform.top5 == 1.0  # there are only four classes
    assert uniform.loss == pytest.approx(math.log(4))
    assert majority.top1 == pytest.approx(50 / 200)
    assert majority.mean_class == pytest.approx(1 / 4)


def test_neighbours_of_one_label_are_grouped() -> None:
    rows = [ResultRow("a", "val"), ResultRow("a", "test"), ResultRow("b", "test")]
    assert [(label, len(group)) for label, group in grouped(rows)] == [("a", 2), ("b", 1)]
    assert list(grouped([])) == []
