"""Trust figures of one photo."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.audit.trust import half_area, trust
from florascope.explanation.explanation import Explanation, explain
from florascope.explanation.methods import explainer
from florascope.model.classifier import Classifier


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
    right = trust(patch_classifier, found)
    wrong = trust(patch_classifier, replace(found, values=-found.values))
    assert right.deletion < right.random_deletion < wrong.deletion
    assert right.random_deletion == wrong.random_deletion
    assert right.to_json() == {
        "deletion": right.deletion,
        "random_deletion": right.random_deletion,
        "half_area": half_area(found.values),
    }
