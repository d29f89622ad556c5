"""Protocol buffers' wire format, read field by field and nothing copied.

https://protobuf.dev/programming-guides/encoding/. Enough to look into an ONNX file before anything
else does, without the onnx package, which the light install does not have.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}
_MOST_BYTES = 10  # of a 64-bit varint


class Field(NamedTuple):
    """One field: its number, its wire type, and its number (as stored, unsigned) or its bytes."""

    number: int
    wire: int
    value: int | memoryview


def fields(message: memoryview) -> Iterator[Field]:
    """Read a message's fields in order; one may come several times.

    Raises:
        ValueError: the message is cut short or no protocol buffer, or uses the groups that ONNX
            never had.
    """
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, wire = tag >> 3, tag & 7
        if number == 0 or tag >= 2**32:
            raise ValueError(f"a field with the tag {tag}")
        if wire == VARINT:
            value, at = varint(message, at)
            yield Field(number, wire, value)
            continue
        if wire == BYTES:
            width, at = varint(message, at)
        elif wire in _WIDTHS:
            width = _WIDTHS[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if width > len(message) - at:
            raise ValueError("cut short")
        yield Field(number, wire, message[at : at + width])
        at += width


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read the number of variable length at a place; return it and the place after it.

    Raises:
        ValueError: it is cut short or longer than 64 bits.
    """
    value = 0
    for place in range(_MOST_BYTES):
        if at + place >= len(message):
            raise ValueError("cut short")
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at + place + 1
    raise ValueError("a number of more than 64 bits")


def varints(packed: memoryview) -> Iterator[int]:
    """Read numbers of variable length that lie one after another."""
    at = 0
    while at < len(packed):
        value, at = varint(packed, at)
        yield value
