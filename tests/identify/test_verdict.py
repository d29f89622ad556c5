"""How much may be said, from planted probabilities of real species."""

import math
from typing import Any

import numpy as np
import pytest

from florascope.identify.verdict import TAIL, prediction_set


@pytest.mark.parametrize(
    ("shares", "alike", "level", "group", "members"),
    [
        ({94: 0.95}, 0.95, "species", "", (94,)),
        ({94: 0.85}, 0.95, "unsure", "", (94,)),  # one in the set, but not sure enough
        ({15: 0.5, 68: 0.45}, 0.95, "genus", "Iris", (15, 68, 102)),
        ({56: 0.3, 59: 0.3, 60: 0.38}, 0.95, "genus", "Dahlia", (60, 56, 59)),
        ({20: 0.55, 80: 0.43}, 0.95, "family", "Araceae", (20, 80)),
        ({15: 0.5, 43: 0.45}, 0.95, "family", "Iridaceae", None),
        ({94: 0.5, 3: 0.45}, 0.95, "unsure", "", (94, 3)),
        ({15: 0.4, 68: 0.3, 94: 0.29}, 0.95, "unsure", "", (15, 68, 94)),
        ({94: 0.99}, 0.79, "none", "", ()),
        ({94: 0.99}, 0.80, "species", "", (94,)),
        ({94: 0.99}, math.nan, "none", "", ()),
        ({94: 0.99}, None, "species", "", (94,)),  # a graph without means cannot refuse
    ],
)
def test_level(
    answer: Any,
    shares: dict[int, float],
    alike: float | None,
    level: str,
    group: str,
    members: tuple[int, ...] | None,
) -> None:
    verdict = answer(shares, alike).verdict
    assert (verdict.level, verdict.group) == (level, group)
    if members is not None:
        assert tuple(k + 1 for k in verdict.members) == members
    assert verdict.probability <= 1


def test_a_genus_of_one_class_is_no_way_out(answer: Any) -> None:
    """One foxglove, not sure: "the genus Digitalis" would say the same with more confidence."""
    assert answer({94: 0.85}).verdict.level == "unsure"


def test_probabilities_of_members_add_up(answer: Any) -> None:
    found = answer({15: 0.5, 68: 0.45})
    assert found.verdict.probability == pytest.approx(found.probabilities[[14, 67, 101]].sum())


def test_without_calibration_the_set_holds_99_percent() -> None:
    probabilities = np.array([0.7, 0.004, 0.2, 0.092, 0.004])
    assert prediction_set(probabilities, None) == (0, 2, 3)
    assert TAIL == 0.01
    assert prediction_set(np.array([0.985, 0.015]), None) == (0, 1)


def test_without_calibration_nothing_is_sure(answer: Any) -> None:
    assert answer({94: 0.999}, calibration=None).verdict.level == "unsure"
