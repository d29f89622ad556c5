"""Familiarity by hand, and what is wrong with its figures."""

import math

import pytest

from florascope.calibration.familiarity import Familiarity
from florascope.errors import BundleError

LEARNED = Familiarity(ratio=0.5, logit=2.0, offset=-3.0, least=1.0)


def test_the_score_is_a_weighted_sum() -> None:
    assert LEARNED.score(logit=1.5, ratio=4.0) == 2.0
    assert LEARNED.is_strange(1.0, 3.9)
    assert not LEARNED.is_strange(1.0, 4.0)


def test_no_number_is_strange_and_no_ratio_is_not() -> None:
    assert LEARNED.is_strange(0.0, math.nan)
    assert not LEARNED.is_strange(-100.0, None)


def test_it_survives_json() -> None:
    assert Familiarity.from_json(LEARNED.to_json()) == LEARNED


@pytest.mark.parametrize(
    ("change", "told"),
    [({"least": math.inf}, "inf"), ({"ratio": "much"}, "much|number"), ({"more": 1.0}, "more")],
)
def test_garbled_figures_are_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(BundleError, match=f"(?s)familiarity.*({told}).*finite numbers: ratio"):
        Familiarity.from_json({**LEARNED.to_json(), **change})
