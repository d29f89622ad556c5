"""Figures collected from a run, against counts made by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from florascope.metrics import ClassMetrics, Confusion
from florascope.report.figures import Figures, class_rows, figures_of
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
