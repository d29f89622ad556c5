"""Each criterion, just on either side of its bound, and the whole on explainers of known merit."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from florascope.audit.audit import audit
from florascope.audit.faithfulness import Curves, Perturbation
from florascope.audit.report import AuditReport, AuditSettings, MethodScores
from florascope.audit.sanity import Similarity
from florascope.audit.verdict import CRITERIA, Finding, disagreements, summary, verdict
from florascope.explanation.attribution import Attribution, Explainer
from florascope.nets.classifier import Classifier

GOOD = {
    "deletion": 0.2,
    "insertion": 0.6,
    "gain": 0.4,
    "energy": 0.6,
    "area": 0.3,
    "auroc": 0.8,
    "noise_correlation": 0.97,
    "flip_correlation": 0.9,
    "grid": 0.6,
    "gap": 0.001,
}
RANDOM = {**GOOD, "deletion": 0.45, "insertion": 0.45, "gain": 0.0}
CENTRE = {**GOOD, "gain": 0.2}


def spread(mean: float, n: int) -> np.ndarray:
    """Values whose 95 % interval is about mean -+ 0.002."""
    return mean + 0.005 * np.resize([1.0, -1.0], n)


def method(name: str, means: dict[str, float], similar: float = 0.1, n: int = 24) -> MethodScores:
    wobble = np.resize([1.0, -1.0], n) if n > 1 else np.zeros(n)
    scale = {"gap": 0.0, "gain": 0.01 if name in {"random", "centre"} else 0.002}
    scores = {key: mean + scale.get(key, 0.002) * wobble for key, mean in means.items()}
    curves = Curves(np.array([0.0, 1.0]), np.zeros((n, 2)), np.zeros((n, 2)))
    last = Similarity("conv_stem", spread(similar / 2, n), spread(similar, n))
    return MethodScores(name, scores, curves, (Similarity("head", *[np.ones(n)] * 2), last))


def report(good: MethodScores, n: int = 24) -> AuditReport:
    references = (method("random", RANDOM, n=n), method("centre", CENTRE, n=n))
    return AuditReport(AuditSettings(), np.zeros(n, np.int64), (good, *references))


def findings(n: int = 24, **changes: float) -> dict[str, Finding]:
    similar = changes.pop("similar", 0.1)
    found = verdict(report(method("sharp", {**GOOD, **changes}, similar, n), n))
    return {finding.criterion: finding for finding in found}


def test_a_good_method_passes_everything() -> None:
    found = findings()
    assert list(found) == [c.__name__ for c in CRITERIA if c.__name__ != "grid"]
    assert all(finding.passed for finding in found.values())
    assert summary(tuple(found.values())) == ("sharp passes all 7 criteria",)


def test_an_order_that_the_fill_turns_round_is_named() -> None:
    alike = {"gain_logit": 1.0, "gain_neighbours": 0.3}
    one = method("cam", {**GOOD, **alike, "gain": 0.4})
    other = method("ig", {**GOOD, **alike, "gain": 0.3, "gain_neighbours": 0.5})
    found = disagreements(AuditReport(AuditSettings(), np.zeros(24, np.int64), (one, other)))
    assert found == (
        "cam is ahead of ig by probability under a blur (0.10 [0.10, 0.10]), behind it by"
        " probability with holes filled from around them (-0.20 [-0.20, -0.20])",
    )
    tied = replace(other, scores={**other.scores, "gain_neighbours": spread(0.3, 24)})
    assert not disagreements(AuditReport(AuditSettings(), np.zeros(24, np.int64), (one, tied)))


@pytest.mark.parametrize(("share", "passed"), [(0.26, True), (0.25, False)])
def test_without_masks_grids_say_where_the_evidence_lies(share: float, passed: bool) -> None:
    nowhere = dict.fromkeys(("energy", "area", "auroc"), np.nan)
    means = {**GOOD, **nowhere, "grid": share}
    bare = report(method("sharp", means))
    for reference in bare.methods[1:]:
        reference.scores.update({key: np.full(24, np.nan) for key in nowhere})
    found = {finding.criterion: finding for finding in verdict(bare)}
    assert list(found) == [c.__name__ for c in CRITERIA if c.__name__ != "localised"]
    assert found["grid"].passed == passed
    assert "of the positive evidence for a class in its own photo of four" in found["grid"].text


@pytest.mark.parametrize(
    ("criterion", "changes"),
    [
        ("faithful", {"gain": 0.0}),
        ("informative", {"gain": 0.19}),
        ("localised", {"auroc": 0.5}),
        ("learned", {"similar": 0.501}),
        ("stable", {"noise_correlation": 0.899}),
        ("mirrored", {"flip_correlation": 0.69}),
        ("complete", {"gap": 0.011}),
    ],
)
def test_a_figure_beyond_the_bound_fails_its_criterion(
    criterion: str, changes: dict[str, float]
) -> None:
    finding = findings(24, **changes)[criterion]
    assert not finding.passed
    assert finding.text.endswith("does not pass")


@pytest.mark.parametrize(
    ("criterion", "changes"),
    [
        ("faithful", {"gain": 0.01}),
        ("informative", {"gain": 0.21}),
        ("localised", {"auroc": 0.51}),
        ("learned", {"similar": 0.49}),
        ("stable", {"noise_correlation": 0.91}),
        ("mirrored", {"flip_correlation": 0.71}),
        ("complete", {"gap": 0.009}),
    ],
)
def test_a_figure_within_the_bound_passes_its_criterion(
    criterion: str, changes: dict[str, float]
) -> None:
    assert findings(24, **changes)[criterion].passed


def test_a_mean_within_is_not_enough_where_the_interval_is_not() -> None:
    """Correlations of 0.99 and 0.83 in turn: their mean is above 0.9, not their interval."""
    good = method("sharp", GOOD)
    good.scores["noise_correlation"] = np.resize([0.99, 0.83], 24)
    (found,) = [f for f in verdict(report(good)) if f.criterion == "stable"]
    assert not found.passed


def test_words_hold_the_numbers() -> None:
    text = findings()["faithful"].text
    assert text.startswith("sharp, faithful: deletion AUC 0.20 [0.20, 0.20] against 0.45 of random")
    assert "insertion AUC 0.60 [0.60, 0.60] against 0.45" in text
    assert text.endswith("must be above 0: passes")
    assert "0.60 [0.60, 0.60] of the positive evidence on 0.30" in findings()["localised"].text
    assert "misses its sum by 0.10%" in findings()["complete"].text
    assert "noise of 2 levels of 255" in findings()["stable"].text


def test_one_photo_proves_nothing() -> None:
    found = findings(n=1)
    assert found
    assert not any(finding.passed for finding in found.values())


def test_without_masks_or_promise_there_is_no_finding() -> None:
    found = findings(auroc=np.nan, gap=np.nan)
    assert set(found) == {"faithful", "informative", "learned", "stable", "mirrored"}


def test_the_summary_names_what_fails() -> None:
    found = tuple(findings(auroc=0.4, noise_correlation=0.2).values())
    assert summary(found) == ("sharp passes 5 of 7 criteria, not localised, stable",)


def test_the_worse_of_the_two_correlations_is_judged() -> None:
    assert findings()["learned"].measured.mean == pytest.approx(0.1)  # absolute; signed is half


def test_findings_are_json() -> None:
    finding = findings()["stable"]
    assert finding.to_json() == {
        "method": "sharp",
        "criterion": "stable",
        "passed": True,
        "measured": finding.measured.to_json(),
        "text": finding.text,
    }


@dataclass(frozen=True)
class Brightness:
    """The photo's brightness: looks right on these photos and knows nothing of the network."""

    name: str = "brightness"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        return Attribution(self.name, images.mean(1), torch.zeros(len(images)), complete=False)


@dataclass(frozen=True)
class Turned:
    """The right map with the sign turned."""

    truth: Explainer
    name: str = "turned"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        right = self.truth(classifier, images, targets)
        return replace(right, method=self.name, values=-right.values)


def test_known_merits_are_told_apart(
    patch_classifier: Classifier,
    show: Any,
    photos: list[np.ndarray],
    mask: np.ndarray,
    truth: Explainer,
) -> None:
    """The patch stays where it is when the photo is mirrored, so its true map does not move."""
    settings = AuditSettings(Perturbation(steps=8, tile=4))
    explainers = [truth, Brightness(), Turned(truth)]
    audit_photos = show(photos, [mask] * len(photos))
    found = verdict(audit(patch_classifier, audit_photos, explainers, settings))
    assert {f.criterion: f.passed for f in found if f.method == "truth"} == {
        "faithful": True,
        "informative": True,
        "localised": True,
        "learned": True,
        "stable": True,
        "mirrored": False,
        "complete": True,
    }
    assert {f.criterion: f.passed for f in found if f.method == "brightness"} == {
        "faithful": True,
        "informative": True,
        "localised": True,
        "learned": False,  # only the weights unmask it
        "stable": True,
        "mirrored": True,
    }
    failed = {f.criterion for f in found if f.method == "turned" and not f.passed}
    assert failed == {"faithful", "informative", "localised", "mirrored", "complete"}
