"""Trust figures of one photo."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.audit.card import (
    MARGIN,
    TOP,
    Trust,
    _fitting,
    card,
    figures,
    half_area,
    trust,
)
from florascope.data.dataset import ClassName
from florascope.explanation.explanation import Explanation, explain, explainer
from florascope.nets.classifier import Classifier
from florascope.overlay import heat, overlay


@pytest.fixture
def found(patch_classifier: Classifier, photos: list[np.ndarray]) -> Explanation:
    return explain(patch_classifier, photos[0], explainer("cam"))


def test_half_of_the_evidence_by_hand() -> None:
    values = np.zeros((4, 5))
    values[0, :4] = [4.0, 3.0, 2.0, 1.0]  # half of 10 is reached with the second pixel
    values[3] = -7.0  # what speaks against does not count
    assert half_area(values) == 2 / 20
    assert half_area(np.ones((4, 5))) == 10 / 20
    assert half_area(-np.ones((4, 5))) == 0


def test_a_true_map_deletes_better_than_chance_and_its_opposite_worse(
    patch_classifier: Classifier, found: Explanation
) -> None:
    right, wrong = trust(patch_classifier, [found, replace(found, values=-found.values)])
    assert right.deletion < right.random_deletion < wrong.deletion
    assert right.random_deletion == wrong.random_deletion
    assert right.to_json() == {
        "deletion": right.deletion,
        "random_deletion": right.random_deletion,
        "half_area": half_area(found.values),
    }


VALUES = np.zeros((8, 8), np.float32)
VALUES[0, 0], VALUES[7, 7] = 2.0, -0.5
FOUND = Explanation(
    method="sharp",
    target=ClassName("1", "lotus"),
    against=None,
    logit=1.5,
    probability=0.875,
    gap=0.0012,
    crop=np.full((8, 8, 3), 120, np.uint8),
    values=VALUES,
)
TRUST = Trust(deletion=0.25, random_deletion=0.5, half_area=0.125)


def test_the_question() -> None:
    assert FOUND.question == "Why lotus?"
    assert replace(FOUND, against=ClassName("2", "rose")).question == "Why lotus and not rose?"


def test_the_figures() -> None:
    assert figures(FOUND, TRUST) == [
        "lotus: probability 87.5%",
        "logit +1.50, sum of the map +1.50",
        "evidence for +2.00, against -0.50",
        "half of the evidence for it lies on 12% of the picture",
        "deletion 25%, at random 50% (lower is truer)",
        "method sharp, completeness gap 0.12%",
    ]
    rival = figures(replace(FOUND, against=ClassName("2", "rose"), gap=None), TRUST)
    assert rival[1].startswith("logit less that of rose +1.50")
    assert rival[-1] == "method sharp, promises no sum"


SIDE = 224  # 8 pixels, 28 times as large


def test_the_pictures_are_the_networks_own_pixels_enlarged() -> None:
    drawn = card(FOUND, 2.0, TRUST)
    lefts = [MARGIN + number * (SIDE + MARGIN) for number in range(3)]
    shown = [drawn[TOP : TOP + SIDE, left : left + SIDE] for left in lefts]
    truth = [FOUND.crop, heat(VALUES, 2.0), overlay(FOUND.crop, VALUES, 2.0)]
    for pixels, picture in zip(truth, shown, strict=True):
        np.testing.assert_array_equal(picture[::28, ::28], pixels)
        np.testing.assert_array_equal(picture[27::28, 27::28], pixels)
    assert drawn.shape[1] == 3 * SIDE + 4 * MARGIN


def test_a_picture_that_is_large_enough_stays_and_cards_share_nothing() -> None:
    values = np.full((256, 256), 0.01, np.float32)
    large = replace(FOUND, crop=np.full((256, 256, 3), 9, np.uint8), values=values)
    first = card(large, 0.02, TRUST)
    assert (first[TOP : TOP + 256, MARGIN : MARGIN + 256] == 9).all()
    card(replace(large, crop=large.crop + 1), 0.01, None)
    np.testing.assert_array_equal(card(large, 0.02, TRUST), first)


def test_long_names_are_cut() -> None:
    assert _fitting("Why x?", 1000) == "Why x?"
    cut = _fitting("Why " + "very " * 80 + "long?", 1000)
    assert cut.endswith("…")
    assert len(cut) < 120
