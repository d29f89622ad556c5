"""The quick audit's words follow its numbers, in both languages."""

import re
from dataclasses import replace

import numpy as np
import pytest

from florascope.audit.faithfulness import Curves
from florascope.audit.report import AuditReport, AuditSettings, MethodScores
from florascope.audit.sanity import Similarity
from florascope.audit.verdict import CRITERIA
from florascope.explanation.attribution import Explainer
from florascope.report.audited import PHOTOS, Audited, _told, audit_section
from florascope.report.words import Words
from florascope.sentences import sentences
from florascope.training.experiment import Experiment

EN, ES = Words.of("en"), Words.of("es")
ENGLISH = sentences("report", "en")
N = 12
STABLE = {"noise_correlation": 0.97, "flip_correlation": 0.9}
GOOD = {"gain": 0.4, "auroc": 0.8, "grid": 0.6, "gap": 0.001, **STABLE}


def method(name: str, gain: float, **changes: float) -> MethodScores:
    """Scores that vary by 0.002 from photo to photo, and curves that fall and rise straight."""
    wobble = np.resize([1.0, -1.0], N)
    scores = {key: np.full(N, value) for key, value in (GOOD | changes).items()}
    scores |= {"gain": gain + 0.002 * wobble * (name == "cam"), "area": np.full(N, 0.3)}
    scores |= {"energy": np.full(N, 0.6), "deletion": np.full(N, 0.5 - gain / 2)}
    scores["insertion"] = np.full(N, 0.5 + gain / 2)
    at = np.linspace(0, 1, 3)
    curves = Curves(at, np.tile(1 - at, (N, 1)), np.tile(at, (N, 1)))
    last = Similarity("stem", np.full(4, 0.1), np.full(4, 0.2))
    return MethodScores(name, scores, curves, (last,))


def told(words: Words, **changes: float) -> Audited:
    cam = method("cam", changes.pop("gain", 0.4), **changes)
    methods = (cam, method("random", 0.0), method("centre", 0.2))
    return _told(AuditReport(AuditSettings(), np.zeros(N, np.int64), methods), words)


def test_a_sound_method() -> None:
    found = told(EN)
    assert found.photos == N
    assert found.verdict == "Class activation map passes all 7 checks on these photos."
    assert all(check.passed for check in found.checks)
    assert [row.name for row in found.rows] == [
        "Class activation map",
        "at random",
        "blob in the middle",
    ]
    assert found.rows[0].cells == (
        "0.30 (0.30 to 0.30)",
        "0.70 (0.70 to 0.70)",
        "0.40 (0.40 to 0.40)",
    )
    texts = " ".join(check.text for check in found.checks)
    assert "their gain lies 0.40 (0.40 to 0.40) above that of a random map" in texts
    assert "their gain lies 0.20 (0.20 to 0.20) above that of the blob" in texts
    assert "with probability 0.80 (0.80 to 0.80); chance is 0.5, the blob in the middle 0.80" in (
        texts
    )
    assert "of rank correlation 0.20 (0.20 to 0.20) with these" in texts
    assert "they miss what they should sum to by 0.10%" in texts


def test_what_is_not_passed_is_named_with_its_numbers() -> None:
    found = told(EN, gain=0.1, noise_correlation=0.5)
    assert found.verdict == (
        "Class activation map passes 5 of 7 checks on these photos; it does not pass: saying more"
        " than “look at the middle” and standing still under noise."
    )
    failed = [check.text for check in found.checks if not check.passed]
    assert "lies −0.10 (−0.10 to −0.10) above that of the blob" in failed[0]
    assert "correlation 0.50 (0.50 to 0.50), where more than 0.9 is needed" in failed[1]


def test_spanish_writes_its_own_numbers() -> None:
    found = told(ES, flip_correlation=0.5)
    assert found.verdict == (
        "Mapa de activación de clase: supera 6 de 7 comprobaciones en estas fotos; no supera:"
        " moverse con la foto reflejada."
    )
    (failed,) = [check.text for check in found.checks if not check.passed]
    assert "una correlación de 0,50 (de 0,50 a 0,50)" in failed


def test_charts_are_described_by_their_areas() -> None:
    deletion, insertion = told(EN).charts
    words = "Area under that of Class activation map: {}; of the random map: 0.50; of the blob"
    assert f"Deletion curves. {words.format('0.30')} in the middle: 0.40." in deletion
    assert f"Insertion curves. {words.format('0.70')} in the middle: 0.60." in insertion
    assert "share of the photo removed" in deletion


@pytest.mark.parametrize("criterion", [criterion.__name__ for criterion in CRITERIA])
def test_every_criterion_has_its_words(criterion: str) -> None:
    assert {f"audited.{criterion}{end}" for end in ("", ".passes", ".fails")} <= set(ENGLISH)


def test_the_same_bounds_in_words_as_in_numbers() -> None:
    from florascope.audit import verdict

    texts = {key: ENGLISH[f"audited.{key}.fails"] for key in ("learned", "stable", "mirrored")}
    bounds = {key: re.findall(r"than ([\d.]+) is needed", text) for key, text in texts.items()}
    assert {key: float(found[0]) for key, found in bounds.items()} == {
        "learned": verdict.SIMILAR,
        "stable": verdict.STABLE,
        "mirrored": verdict.MIRRORED,
    }
    assert "less than 1% is needed" in ENGLISH["audited.complete.fails"]
    assert verdict.EXACT == 0.01


def test_a_map_that_ignores_the_network_is_unmasked(
    experiment: Experiment, ramps: list[Explainer]
) -> None:
    """A ramp over the columns, whatever the photo and the weights, on a real run."""
    calls: list[str] = []
    found = audit_section(experiment, ramps[0], EN, lambda what, _done, _total: calls.append(what))
    assert found.photos == min(PHOTOS, len(experiment.split.test))
    failed = {check.text.split(":")[0] for check in found.checks if not check.passed}
    assert "The maps may show the photo rather than what was learned" in failed
    assert "The maps do not move with the flower" in failed
    assert len(found.checks) == 7  # swatches have no masks: grids stand in for them
    assert "Auditing explanations" in calls


def test_few_photos_prove_nothing(experiment: Experiment, ramps: list[Explainer]) -> None:
    one = replace(experiment, split=replace(experiment.split, test=experiment.split.test[:1]))
    found = audit_section(one, ramps[0], EN, lambda *_: None)
    assert found.photos == 1
    assert not any(check.passed for check in found.checks)
