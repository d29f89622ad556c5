"""The rules that choose photos, on planted answers."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.explanation.attribution import Explainer
from florascope.metrics import softmax
from florascope.report.explained import Case, Examples, choose_examples, explain
from florascope.report.words import Words
from florascope.training.experiment import Experiment


def _with_answers(experiment: Experiment, right: list[bool]) -> Experiment:
    """Answer the 8 test photos rightly or wrongly, ever less surely."""
    logits = np.zeros_like(experiment.logits)
    labels = experiment.dataset.labels
    for place, (index, ok) in enumerate(zip(experiment.split.test, right, strict=True)):
        answer = labels[index] if ok else (labels[index] + 1) % 4
        logits[index, answer] = 10.0 - place
    return replace(experiment, logits=logits)


def _by_reason(choices: list[Examples], reason: str) -> list[int]:
    return [c.index for c in choices if c.reason == reason]


def test_three_right_and_three_wrong_by_rule(experiment: Experiment) -> None:
    test = experiment.split.test.tolist()
    choices = choose_examples(_with_answers(experiment, [True] * 4 + [False] * 4))
    assert _by_reason(choices, "unsure_right") == [test[3]]
    assert _by_reason(choices, "confident_error") == [test[4]]
    assert set(_by_reason(choices, "random_right")) <= set(test[:3])
    assert set(_by_reason(choices, "random_error")) <= set(test[5:])
    assert len({c.index for c in choices}) == 6


def test_the_seed_decides(experiment: Experiment) -> None:
    planted = _with_answers(experiment, [True] * 7 + [False])
    again = [
        choose_examples(replace(planted, recipe=replace(planted.recipe, seed=s))) for s in range(8)
    ]
    assert choose_examples(planted) == again[0]
    assert len({tuple(c.index for c in choices) for choices in again}) > 1


def test_a_perfect_run_has_right_answers_only(experiment: Experiment) -> None:
    reasons = [c.reason for c in choose_examples(_with_answers(experiment, [True] * 8))]
    assert sorted(reasons) == ["random_right", "random_right", "unsure_right"]


def test_a_single_error_is_the_most_confident_one(experiment: Experiment) -> None:
    reasons = [c.reason for c in choose_examples(_with_answers(experiment, [True] * 7 + [False]))]
    assert reasons.count("confident_error") == 1
    assert "random_error" not in reasons


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


EXPLAINED_EN = Words.of("en")


def test_a_wrong_photo(experiment: Experiment, ramps: list[Explainer]) -> None:
    found = explain(experiment, Examples(6, "confident_error"), ramps, EXPLAINED_EN)
    assert (found.name, found.right) == ("swatch_06.png", False)
    assert (found.true, found.predicted) == ('R&D "$5$"', "<script>alert(1)</script>")
    assert len(found.panels) == 3
    assert found.panels[2].title == "Class activation map, difference"


def test_a_right_photo(experiment: Experiment, ramps: list[Explainer]) -> None:
    found = explain(experiment, Examples(31, "random_right"), ramps, EXPLAINED_EN)
    assert found.right
    assert found.true == found.predicted == "grey willow"
    logit = EXPLAINED_EN.signed(float(experiment.logits[31, 3]))
    assert [p.total for p in found.panels] == [f"sum +4.00, logit {logit}"] * 2
    assert [p.gap for p in found.panels] == ["completeness gap 0.00%", "completeness gap 80.00%"]


def test_candidates_are_the_likeliest_and_always_the_true_class(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    (probability,) = softmax(experiment.logits[6:7])
    order = np.argsort(-probability)
    found = explain(experiment, Examples(6, "random_error"), ramps, EXPLAINED_EN).candidates
    assert [c.probability for c in found[:3]] == pytest.approx(probability[order[:3]].tolist())
    assert [c.name for c in found if c.true] == ['R&D "$5$"']
    assert [c.predicted for c in found][:2] == [True, False]


def test_each_map_has_its_own_scale_in_logits_for_each_percent(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    # The steepest value of the ramp for class 3 is 3 * 4 / pixels: 0.12 logits for each percent;
    # the second explainer's is smoothed, which takes from the end of the ramp.
    found = explain(experiment, Examples(31, "random_right"), ramps, EXPLAINED_EN)
    first, second = (float(p.scale.split()[3]) for p in found.panels)
    assert found.panels[0].scale == "full colour at 0.12 logits for each 1% of the picture"
    assert 0.1 < second < first
