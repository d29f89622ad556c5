"""Planted numbers give the statements they call for, and other numbers give others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from florascope.calibration.calibration import Calibration
from florascope.metrics import ClassMetrics, Confusion, Metrics
from florascope.report import analysis
from florascope.report.analysis import Statement, analyse
from florascope.report.figures import Figures
from florascope.report.words import Words
from florascope.sentences import sentences
from florascope.training.recipes import ClassReport, Probe

EN, ES = Words.of("en"), Words.of("es")
Make = Callable[..., Figures]


def _subset(top1: float, n: int, loss: float) -> Metrics:
    return Metrics(n=n, top1=top1, top5=top1, mean_class=top1, loss=loss)


def _metrics(train: float, val: float, test: float, **more: Any) -> dict[str, Metrics]:
    losses = more.get("losses", (0.1, 0.2, 0.3))
    sizes = more.get("sizes", (800, 200, 200))
    rows = zip(("train", "val", "test"), (train, val, test), sizes, losses, strict=True)
    return {subset: _subset(top1, n, loss) for subset, top1, n, loss in rows}


def _classes(recalls: Sequence[float], support: int) -> tuple[ClassMetrics, ...]:
    return tuple(ClassMetrics(support, recall, 1.0, 1.0) for recall in recalls)


def _history(step: str, losses: dict[float, float]) -> tuple[dict[str, float], ...]:
    return tuple({step: at, "val_loss": loss} for at, loss in losses.items())


def _claims(key: str) -> str:
    """The fixed beginning of a finding's claim."""
    return sentences("report", "en")[f"analysis.{key}.claim"].split("{")[0]


def _is(statement: Statement | None, key: str) -> bool:
    return statement is not None and statement.claim.startswith(_claims(key)) and bool(_claims(key))


@pytest.fixture
def class_report(figures: Make) -> Figures:
    """What the class report measured: 102 classes, 819 test photos."""
    support = (25, *[8] * 101)
    return figures(
        metrics=_metrics(0.14, 0.05, 0.0520, sizes=(6552, 818, 819), losses=(4.4, 4.6, 4.6937)),
        names=tuple(f"class {k}" for k in range(102)),
        trained=(200, *[64] * 101),
        classes=tuple(ClassMetrics(s, 0.05, 0.05, 0.05) for s in support),
        confidence=0.1,
    )


def test_the_class_report_is_called_broken(class_report: Figures) -> None:
    found = analysis.learning(class_report, EN)
    assert _is(found, "broken")
    assert found.tone == "alarm"
    assert "5.2%" in found.evidence
    assert "4.694, is no better than that of a uniform guess, ln 102 = 4.625" in found.evidence
    assert "uniform guess has 1.0%" in found.evidence
    assert "largest class 3.1%" in found.evidence
    assert "Freezing is not the cause" in found.proposal


def test_where_training_is_broken_gaps_and_confusions_are_not_discussed(
    class_report: Figures,
) -> None:
    found = analyse(class_report, EN)
    assert len(found) == 2
    assert _is(found[0], "broken")
    assert _is(found[1], "consistent")


def test_a_loss_just_below_uniform_is_still_broken(figures: Make, class_report: Figures) -> None:
    below = figures(
        metrics=_metrics(0.05, 0.04, 0.04, losses=(4.5, 4.5, 4.48)),
        names=class_report.names,
        trained=class_report.trained,
        classes=class_report.classes,
    )
    found = analysis.learning(below, EN)
    assert _is(found, "broken")
    assert "hardly better than" in found.evidence


def test_training_photos_learnt_but_test_at_chance(figures: Make) -> None:
    found = analysis.learning(figures(metrics=_metrics(0.99, 0.26, 0.26)), EN)
    assert _is(found, "apart")
    assert "Training top-1 is 99.0%, test top-1 26.0%" in found.evidence


def test_a_tiny_test_set_proves_nothing(figures: Make) -> None:
    tiny = _metrics(0.9, 0.5, 0.5, sizes=(80, 8, 8))  # Wilson for 4 of 8 reaches 25 %
    found = analysis.learning(figures(metrics=tiny, classes=_classes((0.5,) * 4, 2)), EN)
    assert _is(found, "inconclusive")
    assert found.tone == "advice"


def test_high_accuracy_with_a_loss_above_uniform_is_overconfidence(figures: Make) -> None:
    found = analysis.learning(figures(metrics=_metrics(1, 0.8, 0.8, losses=(0, 2, 2.0))), EN)
    assert _is(found, "costly")


def test_a_sound_run_has_learnt(figures: Make) -> None:
    found = analysis.learning(figures(), EN)
    assert _is(found, "learnt")
    assert found.tone == "sound"
    assert "between 1.35 equally likely classes, out of 4" in found.evidence  # exp(0.3)


@pytest.mark.parametrize(
    ("train", "test", "key", "gap"),
    [
        (0.99, 0.80, "overfit", "19.0 points"),
        (0.70, 0.68, "underfit", "2.0 points"),
        (0.97, 0.92, "fitted", "5.0 points"),
    ],
)
def test_fit(figures: Make, train: float, test: float, key: str, gap: str) -> None:
    found = analysis.fit(figures(metrics=_metrics(train, test, test)), EN)
    assert _is(found, key)
    assert gap in found.evidence


@pytest.mark.parametrize(
    ("val", "test", "n", "key"),
    [
        (0.95, 0.92, 200, "consistent"),
        (0.95, 0.92, 5000, "optimistic"),
        (0.92, 0.95, 5000, "harder"),
    ],
)
def test_consistency_depends_on_the_number_of_photos(
    figures: Make, val: float, test: float, n: int, key: str
) -> None:
    found = analysis.consistency(figures(metrics=_metrics(1, val, test, sizes=(n, n, n))), EN)
    assert _is(found, key)


def test_consistency_quotes_the_intervals(figures: Make) -> None:
    found = analysis.consistency(figures(metrics=_metrics(1, 0.9, 0.9, sizes=(9, 100, 100))), EN)
    # Wilson for 90 of 100: 0.8256 to 0.9448; half its width is 6.0 points.
    assert found.evidence.count("82.6% to 94.5%") == 2
    assert "6.0 points" in found.proposal


def test_rare_classes_are_named_where_they_are_recognised_less(figures: Make) -> None:
    planted = figures(trained=(10, 90, 100, 110), classes=_classes((0.5, 0.9, 0.95, 1.0), 40))
    found = analysis.rare_classes(planted, EN)
    assert _is(found, "scarce")
    assert found is not None
    assert "up to 10 photos) reaches 50.0% on test, the others 95.0%" in found.evidence
    assert found.proposal.endswith("starting with anemone.")


def test_rare_classes_as_good_as_others_are_not_blamed(figures: Make) -> None:
    planted = figures(trained=(10, 90, 100, 110), classes=_classes((0.95, 0.9, 0.95, 1.0), 40))
    assert _is(analysis.rare_classes(planted, EN), "enough")


def test_equal_classes_raise_no_question_of_rarity(figures: Make) -> None:
    assert analysis.rare_classes(figures(trained=(50, 50, 50, 50)), EN) is None


def test_rare_classes_without_test_photos_raise_no_question(figures: Make) -> None:
    classes = (ClassMetrics(0, 0, 0, 0), *_classes((0.9, 0.9, 0.9), 40))
    assert analysis.rare_classes(figures(trained=(10, 90, 95, 99), classes=classes), EN) is None


def test_weak_classes_with_few_photos(figures: Make) -> None:
    planted = figures(trained=(10, 90, 100, 110), classes=_classes((0.5, 0.95, 0.95, 1.0), 40))
    found = analysis.weak_classes(planted, EN)
    assert found is not None
    assert found.claim == "Recognised clearly less than the rest: 1 class; photos are few there."
    assert "anemone (50% of 40, trained on 10)" in found.evidence
    assert "about 0.1 of 4 classes" in found.evidence


def test_weak_classes_with_many_photos(figures: Make) -> None:
    planted = figures(trained=(110, 90, 80, 10), classes=_classes((0.5, 0.95, 0.95, 1.0), 40))
    found = analysis.weak_classes(planted, EN)
    assert found is not None
    assert "too few photos are not what explains it" in found.claim
    assert "anemone before all" in found.proposal


def test_a_low_recall_on_hardly_any_photos_is_no_weakness(figures: Make) -> None:
    # 2 of 3: Wilson up to 0.94, above the overall 0.92.
    assert analysis.weak_classes(figures(classes=_classes((2 / 3, 1, 1, 1), 3)), EN) is None


def test_dominant_confusion(figures: Make) -> None:
    pairs = (Confusion(2, 3, 12, 0.24), Confusion(0, 1, 2, 0.04), Confusion(1, 0, 2, 0.04))
    found = analysis.confusions(figures(confusions=pairs), EN)
    assert found.claim.endswith("crocus is taken for daisy.")
    assert "100% of 16 errors fall to 3 pairs of classes, out of 3" in found.evidence
    assert "taken for daisy 12 times, 24% of its test photos" in found.evidence


def test_spread_confusions(figures: Make) -> None:
    pairs = tuple(Confusion(t, p, 1, 0.02) for t in range(4) for p in range(4) if t != p)
    found = analysis.confusions(figures(confusions=pairs), EN)
    assert _is(found, "spread")
    assert "make 42% of them" in found.evidence  # 5 of 12, each met once


def test_no_confusion_at_all_leaves_an_upper_bound(figures: Make) -> None:
    found = analysis.confusions(figures(confusions=()), EN)
    assert _is(found, "flawless")
    assert "up to 1.9%" in found.evidence  # 1 - Wilson's lower bound for 200 of 200


@pytest.mark.parametrize(
    ("losses", "key"),
    [
        ({1: 0.4, 2: 0.3, 3: 0.4}, "iterations.stop"),
        ({1: 0.4, 2: 0.3, 3: 0.2}, "iterations.more"),
        ({1: 0.4, 2: 0.3}, "iterations.stop"),  # it ended before: nothing was left to gain
    ],
)
def test_the_last_iteration(figures: Make, losses: dict[float, float], key: str) -> None:
    found = figures(recipe=Probe(max_iterations=3), history=_history("iteration", losses))
    assert _is(analysis.fit_end(found, EN), key)


@pytest.mark.parametrize(
    ("losses", "key", "evidence"),
    [
        ({1: 0.9, 2: 0.7, 3: 0.6}, "epochs.more", "last of 3 epochs (0.600)"),
        ({1: 0.9, 2: 0.5, 3: 0.6}, "epochs.stop", "in epoch 2 (0.500) and ended at 0.600"),
    ],
)
def test_the_best_epoch(figures: Make, losses: dict[float, float], key: str, evidence: str) -> None:
    seed = figures(recipe=ClassReport(), history=_history("epoch", losses))
    found = analysis.fit_end(seed, EN)
    assert _is(found, key)
    assert evidence in found.evidence


@pytest.mark.parametrize(
    ("confidence", "key"), [(0.92, "honest"), (0.99, "boastful"), (0.7, "modest")]
)
def test_confidence(figures: Make, confidence: float, key: str) -> None:
    assert _is(analysis.confidence(figures(confidence=confidence), EN), key)


def test_a_calibration_on_few_photos(figures: Make) -> None:
    calibration = Calibration(25, 1.0, 0.1, 0.1, 0.9, (0.5,) * 4, 0.7, 0.8, 10)
    assert analysis.rough(figures(), EN) is None
    assert analysis.rough(figures(calibration=replace(calibration, photos=100)), EN) is None
    found = analysis.rough(figures(calibration=calibration), EN)
    assert found is not None
    assert "calibrated on 25 photos" in found.evidence
    assert "about 20%" in found.evidence
    assert found.tone == "advice"


def test_skipped_photos(figures: Make) -> None:
    assert analysis.skipped(figures(), EN) is None
    found = analysis.skipped(figures(skipped=3), EN)
    assert found is not None
    assert found.claim == "3 photos could not be read and took no part."
    assert "0.25% of 1,200" in found.evidence


def test_alarms_come_first_and_what_is_sound_last(figures: Make) -> None:
    mixed = figures(metrics=_metrics(1.0, 0.8, 0.8, losses=(0.0, 2.0, 2.0)), skipped=1)
    tones = [s.tone for s in analyse(mixed, EN)]
    assert tones == sorted(tones, key=["alarm", "advice", "sound"].index)
    assert set(tones) == {"alarm", "advice", "sound"}


def test_figures_that_cannot_be_trusted_show_nothing_sound(figures: Make) -> None:
    planted = figures(skipped=1)
    trusted, other = analyse(planted, EN), analyse(planted, EN, trusted=False)
    assert any(_is(s, "consistent") for s in trusted)
    assert other == [s for s in trusted if s.tone != "sound"] != []


def test_both_languages_find_the_same(figures: Make, class_report: Figures) -> None:
    few = figures(calibration=Calibration(25, 1.0, 0.1, 0.1, 0.9, (0.5,) * 4, 0.7, 0.8, 10))
    for planted in (figures(), figures(skipped=2, confidence=0.99), class_report, few):
        english, spanish = analyse(planted, EN), analyse(planted, ES)
        assert [s.tone for s in english] == [s.tone for s in spanish]
        assert all(e.claim != s.claim for e, s in zip(english, spanish, strict=True))
