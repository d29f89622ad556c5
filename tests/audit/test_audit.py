"""Explainers of known merit audited on a network of known reasons."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from florascope.audit.audit import audit
from florascope.audit.faithfulness import Perturbation
from florascope.audit.report import MEASURES, AuditReport, AuditSettings
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Explainer
from florascope.nets.classifier import Classifier

SETTINGS = AuditSettings(Perturbation(steps=8, tile=4), batch_size=8, few=6)


@dataclass(frozen=True)
class Turned:
    """Another explainer's map with the sign turned: as wrong as can be."""

    inner: Explainer
    name: str = "turned"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        attribution = self.inner(classifier, images, targets)
        return replace(attribution, method=self.name, values=-attribution.values)


@dataclass(frozen=True)
class Zero:
    """Says nothing."""

    name: str = "zero"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        values = torch.zeros(len(images), *images.shape[2:])
        return Attribution(self.name, values, torch.zeros(len(images)), complete=False)


@pytest.fixture
def report(
    patch_classifier: Classifier,
    show: Any,
    photos: list[np.ndarray],
    mask: np.ndarray,
    truth: Explainer,
) -> AuditReport:
    masks = [mask, None] * 10
    explainers = [truth, Turned(truth), Zero()]
    return audit(patch_classifier, show(photos, masks), explainers, SETTINGS)


def test_every_measure_is_taken_of_every_photo(report: AuditReport) -> None:
    assert [scores.method for scores in report.methods] == [
        *("truth", "turned", "zero"),
        *("random", "centre"),
    ]
    assert report.targets.tolist() == [1] * 20
    assert report.masked == 10
    for scores in report.methods:
        assert list(scores.scores) == list(MEASURES)
        sizes = dict.fromkeys(MEASURES, 20) | {"noise_correlation": 6, "flip_correlation": 6}
        sizes["grid"] = 0  # photos of a single class
        assert {k: len(v) for k, v in scores.scores.items()} == sizes
        assert scores.curves.deletion.shape == (20, 9)
        assert [s.signed.shape for s in scores.sanity] == (
            [] if scores.method in {"random", "centre"} else [(6,)] * 2
        )
    for name in ("pointing", "pointing_near", "energy", "area", "energy_ratio", "auroc"):
        values = report["truth"].scores[name]
        assert np.isnan(values).tolist() == [False, True] * 10


def test_the_truth_is_found_true(report: AuditReport) -> None:
    assert report.interval("truth", "gain").low > 0.5
    assert report.interval("truth", "pointing").mean == 1
    assert report.interval("truth", "energy").mean == pytest.approx(1)
    assert report.interval("truth", "area").mean == pytest.approx(140 / 960)
    assert report.interval("truth", "auroc").mean == 1
    assert report.interval("truth", "noise_correlation").low > 0.99
    assert report.interval("truth", "gap").high < 1e-5
    assert abs(report["truth"].sanity[-1].signed.mean()) < 0.3


def test_its_opposite_is_found_false(report: AuditReport) -> None:
    true, false = (report[name].scores for name in ("truth", "turned"))
    assert false["gain"] == pytest.approx(-true["gain"], abs=0.05)
    assert false["gain"].max() < 0
    assert report.interval("turned", "auroc").mean == 0
    assert report.interval("turned", "energy").mean == report.interval("turned", "area").mean
    assert report.interval("turned", "gap").mean == pytest.approx(2)


def test_a_map_of_zeros_is_found_to_say_nothing(report: AuditReport) -> None:
    zero, random = (report.interval(name, "gain") for name in ("zero", "random"))
    assert zero.low < 0 < zero.high
    assert random.low < 0 < random.high
    assert report.interval("zero", "auroc").mean == 0.5
    assert report.interval("zero", "gini").mean == 0
    assert report["zero"].sanity[-1].signed.tolist() == [1.0] * 6
    assert report.interval("zero", "gap").n == 0


def test_the_references_are_what_they_say(report: AuditReport) -> None:
    assert report.interval("centre", "flip_correlation").mean == pytest.approx(1)
    assert report.interval("random", "auroc").mean == pytest.approx(0.5, abs=0.03)
    assert report.interval("random", "noise_correlation").high < 0.1


def test_json_round(report: AuditReport) -> None:
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert set(values["methods"]) == {"truth", "turned", "zero", "random", "centre"}


def test_batches_change_nothing(
    patch_classifier: Classifier,
    show: Any,
    photos: list[np.ndarray],
    mask: np.ndarray,
    truth: Explainer,
) -> None:
    """What draws nothing at random is the same in batches of 3 and of 20."""

    def scores(size: int) -> dict[str, Any]:
        settings = replace(SETTINGS, batch_size=size)
        found = audit(patch_classifier, show(photos, [mask] * 20), [truth], settings)
        return found["truth"].scores

    small, large = scores(3), scores(20)
    for name in ("energy", "auroc", "flip_correlation", "gini", "gap"):
        assert small[name] == pytest.approx(large[name], abs=1e-6)


def test_a_second_fill_is_measured_only_where_it_is_asked_for(
    report: AuditReport,
    patch_classifier: Classifier,
    show: Any,
    photos: list[np.ndarray],
    mask: np.ndarray,
    truth: Explainer,
) -> None:
    settings = replace(SETTINGS, refill=False)
    once = audit(patch_classifier, show(photos, [mask, None] * 10), [truth], settings)
    assert report.interval("truth", "gain_neighbours").n == 6
    assert once.interval("truth", "gain_neighbours").n == 0
    assert once.interval("truth", "gain") == report.interval("truth", "gain")


def test_the_same_seed_gives_the_same_report(
    patch_classifier: Classifier, show: Any, photos: list[np.ndarray], truth: Explainer
) -> None:
    runs = [
        audit(patch_classifier, show(photos), [truth], replace(SETTINGS, seed=seed))
        for seed in (0, 0, 1)
    ]
    first, again, other = (run.to_json()["methods"] for run in runs)
    assert first == again
    assert first["random"] != other["random"]


def test_named_targets_are_explained(
    patch_classifier: Classifier, show: Any, photos: list[np.ndarray], truth: Explainer
) -> None:
    """For "dark" the bright patch speaks against: its probability rises as the patch goes."""
    dark = replace(show(photos[:4]), targets=np.zeros(4, np.int64))
    report = audit(patch_classifier, dark, [truth], SETTINGS)
    curve = report["truth"].curves.deletion
    assert curve[:, 0].max() < 0.05
    assert report.targets.tolist() == [0] * 4
    assert report.masked == 0


def test_photos_of_any_size_are_taken(
    patch_classifier: Classifier, show: Any, truth: Explainer
) -> None:
    rng = np.random.default_rng(0)
    shapes = [(40, 60), (64, 33), (32, 32)]
    photos = [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]
    masks = [np.where(np.arange(60) < 30, 1, 3).astype(np.uint8)[None].repeat(40, 0), None, None]
    report = audit(patch_classifier, show(photos, masks), [truth], SETTINGS)
    assert report.masked == 1
    assert report.interval("truth", "area").mean == pytest.approx(0.5)


def test_the_classifier_is_left_as_it_was(
    patch_classifier: Classifier, show: Any, photos: list[np.ndarray], truth: Explainer
) -> None:
    before = {key: value.clone() for key, value in patch_classifier.state_dict().items()}
    audit(patch_classifier, show(photos[:3]), [truth], SETTINGS)
    after = patch_classifier.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not patch_classifier.training
    assert all(weight.grad is None for weight in patch_classifier.parameters())


def test_progress_counts_batches_and_methods(
    patch_classifier: Classifier, show: Any, photos: list[np.ndarray], truth: Explainer
) -> None:
    seen: list[tuple[str, int, int]] = []
    audit(patch_classifier, show(photos), [truth], SETTINGS, lambda *step: seen.append(step))
    auditing = [step for step in seen if step[0] == "Auditing explanations"]
    assert auditing == [("Auditing explanations", done, 9) for done in range(10)]
    assert seen[-1] == ("Disturbing photos and weights", 3, 3)


def test_training_mode_is_refused(
    patch_classifier: Classifier, show: Any, photos: list[np.ndarray], truth: Explainer
) -> None:
    audit_photos = show(photos)
    with pytest.raises(ExplanationError, match=r"in training mode.*Call \.eval\(\) first"):
        audit(patch_classifier.train(), audit_photos, [truth])


@pytest.mark.parametrize("name", ["truth", "random", "centre"])
def test_names_must_differ(
    patch_classifier: Classifier,
    show: Any,
    photos: list[np.ndarray],
    truth: Explainer,
    name: str,
) -> None:
    audit_photos = show(photos)
    with pytest.raises(ExplanationError, match=f"more than one explainer is called {name}"):
        audit(patch_classifier, audit_photos, [truth, Turned(truth, name)])
