"""Figures collected from a run, against counts made by hand."""

import math

import numpy as np
import pytest

from florascope.report.figures import figures_of
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
