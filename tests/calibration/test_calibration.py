"""How a calibration is written and read, and familiarity by hand."""

import json
import math
from dataclasses import replace
from typing import Any

import jaxtyping
import pytest

from florascope.calibration.calibration import FEW, Calibration, Familiarity
from florascope.errors import BundleError

FIGURES = Calibration(100, 1.5, 0.1, 0.01, 0.9, (0.2, 0.3), 0.7, 0.8, 10)
LEARNED = Familiarity(ratio=0.5, logit=2.0, offset=-3.0, least=1.0)


def test_percentages_are_rough_below_a_hundred_photos() -> None:
    assert FEW == 100
    assert replace(FIGURES, photos=99).rough
    assert not FIGURES.rough


def test_bundles_of_0_1_have_no_folds_and_no_pooling() -> None:
    values = replace(FIGURES, pooling=0.3).to_json()
    del values["folds"], values["pooling"]
    assert Calibration.from_json(values, 2) == replace(FIGURES, folds=0, pooling=0.0)


def test_json_round_trip() -> None:
    values = json.loads(json.dumps(FIGURES.to_json()))
    assert Calibration.from_json(values, 2) == FIGURES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"alike": float("inf")}, "finite numbers"),
        ({"thresholds": [0.1]}, "has 1 thresholds, .* each of 2 classes"),
        ({"thresholds": None}, "lacks or garbles"),
        ({"sure": "very"}, "lacks or garbles"),
        ({"pooling": 1.5}, "pooling 1.5"),
        ({"pooling": float("nan")}, "pooling nan"),
        ({"mood": 1}, "lacks or garbles .*mood"),
    ],
)
def test_damaged_figures(
    changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as a user's file meets it
    with pytest.raises(BundleError, match=message):
        Calibration.from_json({**FIGURES.to_json(), **changes}, 2)


def test_a_missing_figure() -> None:
    values = FIGURES.to_json()
    del values["thresholds"]
    with pytest.raises(BundleError, match="lacks or garbles 'thresholds'"):
        Calibration.from_json(values, 2)


def test_the_score_is_a_weighted_sum() -> None:
    assert LEARNED.score(logit=1.5, ratio=4.0) == 2.0
    assert LEARNED.is_strange(1.0, 3.9)
    assert not LEARNED.is_strange(1.0, 4.0)


def test_no_number_is_strange_and_no_ratio_is_not() -> None:
    assert LEARNED.is_strange(0.0, math.nan)
    assert not LEARNED.is_strange(-100.0, None)


def test_familiarity_survives_json() -> None:
    assert Familiarity.from_json(LEARNED.to_json()) == LEARNED


@pytest.mark.parametrize(
    ("change", "told"),
    [({"least": math.inf}, "inf"), ({"ratio": "much"}, "much|number"), ({"more": 1.0}, "more")],
)
def test_garbled_familiarity_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(BundleError, match=f"(?s)familiarity.*({told}).*finite numbers: ratio"):
        Familiarity.from_json({**LEARNED.to_json(), **change})
