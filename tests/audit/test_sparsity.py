"""Closed forms of the Gini index, and its other definition."""

import numpy as np
import pytest

from florascope.audit.sparsity import gini


def one_map(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64).reshape(1, 1, -1)


@pytest.mark.parametrize("n", [2, 10, 49])
def test_gini_of_one_pixel_is_one_less_a_share(n: int) -> None:
    values = np.zeros((1, 1, n))
    values[0, 0, n // 2] = -3.0
    assert gini(values) == pytest.approx([1 - 1 / n])


@pytest.mark.parametrize("value", [0.0, 0.3, -2.0])
def test_gini_of_an_even_map_is_zero(value: float) -> None:
    assert gini(np.full((2, 3, 4), value)) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("n", [2, 7, 100])
def test_gini_of_one_to_n(n: int) -> None:
    """sum k (n - k + 1/2) = n (n + 1) (2n + 1) / 12 gives G = (n - 1) / (3n)."""
    assert gini(one_map(list(range(1, n + 1)))) == pytest.approx([(n - 1) / (3 * n)])


def test_gini_is_half_the_relative_mean_difference() -> None:
    values = np.random.default_rng(0).normal(size=(1, 6, 9))
    size = np.abs(values.ravel())
    difference = np.abs(size[:, None] - size[None, :]).mean()
    assert gini(values) == pytest.approx([difference / (2 * size.mean())])
