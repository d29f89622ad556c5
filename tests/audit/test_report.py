"""Intervals over photos, paired differences and JSON."""

import json

import numpy as np
import pytest

from florascope.audit.faithfulness import Curves
from florascope.audit.report import AuditReport, AuditSettings, MethodScores, join_scores
from florascope.audit.sanity import Similarity
from florascope.evaluation.intervals import bootstrap, wilson

AT = np.array([0.0, 0.5, 1.0])


def scores(method: str, shift: float, n: int = 12) -> MethodScores:
    """Gains that vary much from photo to photo, alike for all methods but for a shift."""
    rng = np.random.default_rng(0)
    gain = rng.normal(0, 1, n) + shift
    measures = {
        "gain": gain,
        "area": np.where(np.arange(n) < 5, 0.3, np.nan),
        "gap": np.full(n, np.nan),
    }
    curves = Curves(AT, np.tile([1.0, 0.5, 0.0], (n, 1)), np.tile([0.0, 0.25, 1.0], (n, 1)))
    fading = Similarity("head", np.linspace(0, 0.2, 4), np.full(4, 0.3))
    return MethodScores(method, measures, curves, (fading,))


@pytest.fixture
def report() -> AuditReport:
    methods = tuple(scores(m, s) for m, s in [("cam", 0.1), ("random", 0.0), ("centre", 0.05)])
    return AuditReport(AuditSettings(seed=4, resamples=500), np.arange(12) % 3, methods)


def test_intervals_use_the_audits_seed_and_resamples(report: AuditReport) -> None:
    values = report["cam"].scores["gain"]
    assert report.interval("cam", "gain") == bootstrap(values, seed=4, resamples=500)


def test_hits_have_wilsons_interval(report: AuditReport) -> None:
    hits = np.ones(12)
    report["cam"].scores["pointing"] = hits
    assert report.interval("cam", "pointing") == wilson(hits)
    assert report.interval("cam", "pointing").low < 0.9


def test_a_paired_difference_sees_what_two_intervals_hide(report: AuditReport) -> None:
    cam, random = (report.interval(m, "gain") for m in ("cam", "random"))
    assert cam.low < random.high
    difference = report.difference("cam", "random", "gain")
    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)


def test_what_was_asked_for_is_told_from_the_references(report: AuditReport) -> None:
    assert report.explained == ("cam",)
    assert report.masked == 5


def test_json_has_every_number_and_no_nan(report: AuditReport) -> None:
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert values["photos"] == 12
    assert values["masked"] == 5
    assert values["settings"]["perturbation"]["fill"] == "blur"
    assert [measure["name"] for measure in values["measures"]][:3] == [
        "deletion",
        "insertion",
        "gain",
    ]
    cam = values["methods"]["cam"]
    assert not cam["reference"]
    assert values["methods"]["random"]["reference"]
    assert cam["measures"]["gain"]["mean"] == report.interval("cam", "gain").mean
    assert cam["measures"]["gap"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert cam["curves"] == {"at": [0, 0.5, 1], "deletion": [1, 0.5, 0], "insertion": [0, 0.25, 1]}
    assert cam["sanity"][0]["stage"] == "head"
    assert cam["sanity"][0]["signed"]["mean"] == pytest.approx(0.1)
    assert cam["sanity"][0]["absolute"]["n"] == 4


def test_joined_batches_are_the_whole() -> None:
    one, other = scores("cam", 0.0, 5), scores("cam", 1.0, 3)
    whole = join_scores([one, other])
    assert whole.method == "cam"
    expected = np.concatenate([one.scores["gain"], other.scores["gain"]])
    assert np.array_equal(whole.scores["gain"], expected)
    assert whole.curves.deletion.shape == (8, 3)
    assert np.array_equal(whole.curves.at, AT)
