"""Evidence asked of explainers whose answers are known."""

import numpy as np
import pytest

from florascope.explanation.attribution import Explainer
from florascope.report.evidence import Case
from florascope.report.words import Words
from florascope.training.experiment import Experiment

EN = Words.of("en")


def test_a_right_answer_is_asked_once_of_each(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    case = Case.of(experiment, 31, EN)
    assert case.right
    cam, ig = case.evidence(ramps)
    assert (cam.title, cam.question) == ("Class activation map", "Why grey willow?")
    assert ig.title == "Integrated Gradients"
    assert cam.logit == pytest.approx(experiment.logits[31, 3])
    assert cam.gap == pytest.approx(0, abs=1e-6)
    assert ig.gap == pytest.approx(0.8, abs=1e-6)


def test_an_error_is_also_asked_for_the_difference(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    case = Case.of(experiment, 14, EN)  # labelled 2, answered 1: the ramps' sums are 3 and 2
    assert (case.right, case.predicted, case.true) == (False, 1, 2)
    cam, _, contrast = case.evidence(ramps)
    assert contrast.question == 'Why R&D "$5$" and not blue flax?'
    assert contrast.values.sum() == pytest.approx(2.0 - 3.0, abs=1e-5)
    np.testing.assert_allclose(contrast.values, -0.5 * cam.values, atol=1e-9)
    logits = experiment.logits[14]
    assert contrast.logit == pytest.approx(float(logits[1] - logits[2]), abs=1e-5)
    assert contrast.gap is None


def test_smoothing_pixel_wise_evidence_keeps_its_sum(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    case = Case.of(experiment, 31, EN)
    cam, ig = case.evidence(ramps)
    assert ig.values.sum() == pytest.approx(cam.values.sum(), abs=1e-6)
    assert ig.values.max() < cam.values.max()
