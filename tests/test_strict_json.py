"""JSON with one meaning: everything plain is read as the standard library does."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.strict_json import MAX_DEPTH, parse_json

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**18), 10**18),
    st.text(alphabet=string.printable),
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=20)


@given(VALUES)
def test_what_is_plain_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("number", [10**19 - 1, -(10**19 - 1)])
def test_the_sign_is_no_digit(number: int) -> None:
    assert parse_json(str(number).encode()) == number
    with pytest.raises(ValueError, match="a number of 20 digits"):
        parse_json(f"{number}0".encode())


@given(st.binary(max_size=60))
def test_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    try:
        value = parse_json(data)
    except ValueError:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "key 'c' twice"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e400]", "1e400 is too large for a number"),
        ("[" + "1" * 20 + "]", "a number of 20 digits"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested deeper than 32"),
        ("[" * 10**6, "nested deeper than 32"),
    ],
)
def test_what_could_be_read_in_two_ways(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        parse_json(text.encode())


def test_depth_counts_lists_and_objects() -> None:
    text = '{"a": [' * (MAX_DEPTH // 2) + "]}" * (MAX_DEPTH // 2)
    assert parse_json(text.encode()) == json.loads(text)


def test_other_encodings() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        parse_json('"ü"'.encode("latin-1"))
