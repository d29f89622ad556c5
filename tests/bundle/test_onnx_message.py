"""The wire format, against bytes worked out by hand and the protobuf library's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import StringStringEntryProto, TensorProto

from florascope.bundle.onnx_message import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    fields,
    varint,
    varints,
)


def read(data: bytes) -> list[Field]:
    return list(fields(memoryview(data)))


def test_the_examples_of_the_documentation() -> None:
    assert read(bytes([0x08, 0x96, 0x01])) == [Field(1, VARINT, 150)]
    assert read(b"\x12\x07testing") == [Field(2, BYTES, memoryview(b"testing"))]


def test_fixed_widths() -> None:
    assert read(b"\x0d1234\x1112345678") == [
        Field(1, FIXED32, memoryview(b"1234")),
        Field(2, FIXED64, memoryview(b"12345678")),
    ]


@given(st.text(max_size=300), st.text(max_size=20))
def test_texts_as_protobuf_writes_them(key: str, value: str) -> None:
    written = StringStringEntryProto(key=key, value=value).SerializeToString()
    found = {number: bytes(text).decode() for number, _, text in read(written)}
    assert found == {1: key, 2: value}


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_as_protobuf_writes_them(numbers: list[int]) -> None:
    written = TensorProto(int64_data=numbers).SerializeToString()
    ((number, wire, packed),) = read(written)
    assert (number, wire) == (7, BYTES)
    assert [v - 2**64 if v >= 2**63 else v for v in varints(packed)] == numbers  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x08", "cut short"),
        (b"\x08\x80", "cut short"),
        (b"\x12\x05abcd", "cut short"),
        (b"\x0d123", "cut short"),
        (b"\x08" + b"\x80" * 10 + b"\x01", "more than 64 bits"),
        (b"\x08" + b"\xff" * 9 + b"\x7f", "more than 64 bits"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (b"\x00\x00", "a field with the tag 0"),
        (b"\x80\x80\x80\x80\x80\x01\x00", "a field with the tag"),
    ],
)
def test_damage_is_named(data: bytes, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        read(data)


def test_the_largest_number() -> None:
    assert varint(memoryview(b"\xff" * 9 + b"\x01"), 0) == (2**64 - 1, 10)
