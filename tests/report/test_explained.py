"""Explained photos name the right classes, with their numbers."""

import numpy as np
import pytest

from florascope.evaluation.metrics import softmax
from florascope.explanation.attribution import Explainer
from florascope.report.choice import Choice
from florascope.report.explained import explain
from florascope.report.words import Words
from florascope.training.experiment import Experiment

EN = Words.of("en")


def test_a_wrong_photo(experiment: Experiment, ramps: list[Explainer]) -> None:
    found = explain(experiment, Choice(6, "confident_error"), ramps, EN)
    assert (found.name, found.right) == ("swatch_06.png", False)
    assert (found.true, found.predicted) == ('R&D "$5$"', "<script>alert(1)</script>")
    assert len(found.panels) == 3
    assert found.panels[2].title == "Class activation map, difference"


def test_a_right_photo(experiment: Experiment, ramps: list[Explainer]) -> None:
    found = explain(experiment, Choice(31, "random_right"), ramps, EN)
    assert found.right
    assert found.true == found.predicted == "grey willow"
    logit = EN.signed(float(experiment.logits[31, 3]))
    assert [p.total for p in found.panels] == [f"sum +4.00, logit {logit}"] * 2
    assert [p.gap for p in found.panels] == ["completeness gap 0.00%", "completeness gap 80.00%"]


def test_candidates_are_the_likeliest_and_always_the_true_class(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    (probability,) = softmax(experiment.logits[6:7])
    order = np.argsort(-probability)
    found = explain(experiment, Choice(6, "random_error"), ramps, EN).candidates
    assert [c.probability for c in found[:3]] == pytest.approx(probability[order[:3]].tolist())
    assert [c.name for c in found if c.true] == ['R&D "$5$"']
    assert [c.predicted for c in found][:2] == [True, False]


def test_each_map_has_its_own_scale_in_logits_for_each_percent(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    # The steepest value of the ramp for class 3 is 3 * 4 / pixels: 0.12 logits for each percent;
    # the second explainer's is smoothed, which takes from the end of the ramp.
    found = explain(experiment, Choice(31, "random_right"), ramps, EN)
    first, second = (float(p.scale.split()[3]) for p in found.panels)
    assert found.panels[0].scale == "full colour at 0.12 logits for each 1% of the picture"
    assert 0.1 < second < first
