"""From photos to verdict: the map of a trained network finds flowers whose masks are exact."""

from dataclasses import replace

import pytest

from florascope.audit.audit import audit, methods_for
from florascope.audit.faithfulness import Perturbation
from florascope.audit.localisation import own_mask
from florascope.audit.photos import prepare_photos
from florascope.audit.report import AuditReport, AuditSettings
from florascope.explanation.explanation import explainer
from florascope.garden import garden
from florascope.training.experiment import train
from florascope.training.recipes import Probe

SETTINGS = AuditSettings(few=2, stages=2)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    """Class activation maps of a probe on the embedded backbone, for one photo a species."""
    dataset = garden(per_class=5)
    run = train(dataset, dataset.own_splits["garden"], Probe(weights="flowers"))
    photos = [dataset.photos[index] for index in run.split.test]
    audit_photos = prepare_photos(run.classifier, photos, own_mask)
    order = Perturbation.of(run.classifier.preprocessing.size, steps=5)
    settings = replace(SETTINGS, perturbation=order)
    assert "cam" in methods_for(run.classifier)
    return audit(run.classifier, audit_photos, [explainer("cam")], settings)


def test_the_map_beats_a_random_one_on_every_count(report: AuditReport) -> None:
    assert report.masked == len(report.targets)
    assert report.difference("cam", "random", "gain").low > 0
    assert report.difference("cam", "random", "auroc").low > 0
    assert report.difference("cam", "random", "energy_ratio").low > 0
    assert report.interval("cam", "auroc").low > 0.6


def test_a_random_map_is_at_chance(report: AuditReport) -> None:
    assert report.interval("random", "auroc").mean == pytest.approx(0.5, abs=0.01)
    assert report.interval("random", "energy_ratio").mean == pytest.approx(1.0, abs=0.02)
    gain = report.interval("random", "gain")
    assert gain.low < 0.05
    assert gain.high > -0.05


def test_the_map_is_complete(report: AuditReport) -> None:
    assert report.interval("cam", "gap").high < 1e-4
