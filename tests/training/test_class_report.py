"""The class report's experiment on the features in the package."""

import math

import pytest

from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.errors import DataError
from florascope.training.class_report import (
    CLASS_REPORT,
    SPLITS,
    class_report_recipes,
    repeat_class_report,
)
from florascope.training.recipes import ClassReport, Probe, make_recipe


def test_the_head_is_the_reports_but_for_augmentation() -> None:
    head, probe = class_report_recipes(seed=3)
    assert head == make_recipe("seed", augment=False, seed=3)
    assert isinstance(probe, Probe)
    assert probe.weights == "torchvision"


def test_the_reports_own_loss_is_worse_than_a_uniform_guess() -> None:
    assert CLASS_REPORT.test_loss > math.log(102)


def test_both_heads_learn_on_the_official_split() -> None:
    head, probe = repeat_class_report(embedded_oxford102(), ["official"])
    assert isinstance(head.recipe, ClassReport)
    assert isinstance(probe.recipe, Probe)
    for fit in (head, probe):
        assert fit.split == "official"
        assert [m.n for m in fit.metrics.values()] == [1020, 1020, 6149]
    # The authors of the data set report 72.8 % with hand-made features and kernels (ICVGIP 2008).
    assert 0.70 < head.metrics["test"].top1 < 0.76
    assert probe.metrics["test"].top1 > 0.84
    again = next(repeat_class_report(embedded_oxford102(), ["official"]))
    assert again.metrics == head.metrics


def test_all_three_splits_are_known() -> None:
    assert SPLITS == ("80-10-10", CSV_SPLIT, "official")


def test_a_split_that_is_not_there() -> None:
    with pytest.raises(DataError, match="no split 'folder'.*one of official, 6552-818-819"):
        next(repeat_class_report(embedded_oxford102(), ["folder"]))
