"""Few levels a value: by hand, and within the error that the docstring promises."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from florascope.data.companding import Companded
from florascope.errors import DataError

FEATURES = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.floats(0, 6, width=32)
)


def test_by_hand() -> None:
    # In 5 levels the shares of the top that can be stored are 0, 1/16, 4/16, 9/16 and 1.
    stored = Companded.of(np.array([[0.0, 2.0], [1.1, 0.0], [4.0, 0.1]], np.float32), 5)
    assert stored.codes.tolist() == [[0, 2, 4], [4, 0, 1]]
    assert stored.top.tolist() == [4.0, 2.0]
    assert stored.expand().tolist() == [[0.0, 2.0], [1.0, 0.0], [4.0, 0.125]]


@given(features=FEATURES, levels=st.integers(2, 256))
def test_what_is_restored_is_within_the_promised_error(features: np.ndarray, levels: int) -> None:
    stored = Companded.of(features, levels)
    steps, top = levels - 1, stored.top.astype(np.float64)
    share = (features / top).clip(0, 1)
    bound = top * (np.sqrt(share) / steps + 1 / (4 * steps**2))
    rounding = features.max(0) * 2.0**-11 + 1e-4  # of top, in half precision
    assert (np.abs(stored.expand() - features) <= bound + rounding).all()


def test_a_silent_channel_stays_silent() -> None:
    assert (Companded.of(np.zeros((3, 2), np.float32), 16).expand() == 0).all()


@pytest.mark.parametrize("odd", [-0.1, np.nan, np.inf])
def test_what_no_relu_gives_is_refused(odd: float) -> None:
    with pytest.raises(DataError, match="expected pooled ReLU activations"):
        Companded.of(np.array([[1.0], [odd]], np.float32), 16)


@pytest.mark.parametrize(("levels", "highest"), [(16, 16), (1, 0), (257, 0)])
def test_codes_outside_the_levels_are_refused(levels: int, highest: int) -> None:
    codes, top = np.full((1, 2), highest, np.uint8), np.ones(1, np.float16)
    message = f"codes up to {highest} in {levels} levels"
    with pytest.raises(DataError, match=re.escape(message)):
        Companded(codes, top, levels)
