"""By hand, and the pixel AUROC against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from florascope.audit.localisation import Localisation, localise, pixel_auroc
from florascope.errors import DataError

MASK = np.array([[1, 1, 3, 3], [0, 3, 3, 3]], np.uint8)


def test_localisation_by_hand() -> None:
    values = np.array([[6.0, 2.0, 1.0, -4.0], [99.0, 3.0, 0.0, -8.0]])
    # flower 6, 2; background 1, -4, 3, 0, -8: 6 beats five, 2 beats four of them
    assert localise(values, MASK) == pytest.approx((1.0, 8 / 12, 2 / 7, (8 / 12) / (2 / 7), 9 / 10))


def test_the_unknown_pixel_counts_for_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    changed = values.copy()
    changed[1, 0] = 1e6
    assert localise(values, MASK) == localise(changed, MASK)


@pytest.mark.parametrize("value", [0.0, 2.5, -1.0])
def test_a_constant_map_scores_chance(value: float) -> None:
    area = 2 / 7
    assert localise(np.full((2, 4), value), MASK) == pytest.approx((area, area, area, 1.0, 0.5))


def test_several_maxima_share_the_point() -> None:
    values = np.array([[5.0, 0.0, 5.0, 5.0], [9.0, 0.0, 0.0, 0.0]])
    assert localise(values, MASK).pointing == pytest.approx(1 / 3)


def test_a_map_of_the_mask_is_perfect_and_its_opposite_hopeless() -> None:
    flower = (MASK == 1).astype(np.float64)
    assert localise(flower, MASK) == pytest.approx((1.0, 1.0, 2 / 7, 3.5, 1.0))
    opposite = localise((MASK == 3).astype(np.float64), MASK)
    assert opposite == pytest.approx((0.0, 0.0, 2 / 7, 0.0, 0.0))


@pytest.mark.parametrize("levels", [2, 4, 10**6])
def test_pixel_auroc_is_scikit_learns(levels: int) -> None:
    rng = np.random.default_rng(levels)
    inside = rng.integers(0, levels, 57).astype(np.float64) + 0.2 * levels
    outside = rng.integers(0, levels, 140).astype(np.float64)
    scores = np.concatenate([inside, outside])
    truth = np.repeat([1, 0], [57, 140])
    assert pixel_auroc(inside, outside) == pytest.approx(roc_auc_score(truth, scores))


def test_pixel_auroc_sees_order_alone() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    assert localise(values, MASK).auroc == localise(np.exp(values) - 9, MASK).auroc


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.full((2, 4), 1, np.uint8), "8 flower and 0 background"),
        (np.full((2, 4), 3, np.uint8), "0 flower and 8 background"),
        (np.array([[1, 3]], np.uint8), "2 x 1 pixels.*expected both kinds in 4 x 2 pixels"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(mask: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        localise(np.zeros((2, 4)), mask)


def test_fields_are_the_measures_names() -> None:
    assert Localisation._fields == ("pointing", "energy", "area", "energy_ratio", "auroc")
