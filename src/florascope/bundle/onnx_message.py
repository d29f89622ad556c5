"""An ONNX file read field by field, from the wire format up."""

from collections.abc import Iterator
from typing import Any, NamedTuple

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


MAX_ENTRIES = 200_000  # of one kind in one message: nodes, tensors, numbers outside raw data


class Rule(NamedTuple):
    """What a field may be.

    Attributes:
        name: in onnx.proto.
        wire: its wire type.
        many: whether it may come several times; numbers may then also lie packed in one.
        message: the kind of message inside; "" for none.
    """

    name: str
    wire: int
    many: bool = False
    message: str = ""


def _text(name: str) -> Rule:
    return Rule(name, BYTES)


def _texts(name: str) -> Rule:
    return Rule(name, BYTES, many=True)


def _inner(name: str, message: str, *, many: bool = False) -> Rule:
    return Rule(name, BYTES, many, message)


_NOTES = _texts("metadata_props")

MESSAGES: dict[str, dict[int, Rule]] = {
    "ModelProto": {
        1: Rule("ir_version", VARINT),
        2: _text("producer_name"),
        3: _text("producer_version"),
        4: _text("domain"),
        5: Rule("model_version", VARINT),
        6: _text("doc_string"),
        7: _inner("graph", "GraphProto"),
        8: _inner("opset_import", "OperatorSetIdProto", many=True),
        14: _NOTES,
    },
    "GraphProto": {
        1: _inner("node", "NodeProto", many=True),
        2: _text("name"),
        5: _inner("initializer", "TensorProto", many=True),
        10: _text("doc_string"),
        11: _inner("input", "ValueInfoProto", many=True),
        12: _inner("output", "ValueInfoProto", many=True),
        13: _texts("value_info"),  # hints, checked by ONNX Runtime's own inference of shapes
        16: _NOTES,
    },
    "NodeProto": {
        1: _texts("input"),
        2: _texts("output"),
        3: _text("name"),
        4: _text("op_type"),
        5: _inner("attribute", "AttributeProto", many=True),
        6: _text("doc_string"),
        7: _text("domain"),
        9: _NOTES,
    },
    "AttributeProto": {
        1: _text("name"),
        2: Rule("f", FIXED32),
        3: Rule("i", VARINT),
        4: _text("s"),
        5: _inner("t", "TensorProto"),
        7: Rule("floats", FIXED32, many=True),
        8: Rule("ints", VARINT, many=True),
        9: _texts("strings"),
        13: _text("doc_string"),
        20: Rule("type", VARINT),
    },
    "TensorProto": {
        1: Rule("dims", VARINT, many=True),
        2: Rule("data_type", VARINT),
        4: Rule("float_data", FIXED32, many=True),
        5: Rule("int32_data", VARINT, many=True),
        7: Rule("int64_data", VARINT, many=True),
        8: _text("name"),
        9: Rule("raw_data", BYTES),
        10: Rule("double_data", FIXED64, many=True),
        12: _text("doc_string"),
        14: Rule("data_location", VARINT),
        16: _NOTES,
    },
    "ValueInfoProto": {
        1: _text("name"),
        2: _inner("type", "TypeProto"),
        3: _text("doc_string"),
        4: _NOTES,
    },
    "TypeProto": {1: _inner("tensor_type", "Tensor"), 6: _text("denotation")},
    "Tensor": {1: Rule("elem_type", VARINT), 2: _inner("shape", "TensorShapeProto")},
    "TensorShapeProto": {1: _inner("dim", "Dimension", many=True)},
    "Dimension": {
        1: Rule("dim_value", VARINT),
        2: _text("dim_param"),
        3: _text("denotation"),
    },
    "OperatorSetIdProto": {1: _text("domain"), 2: Rule("version", VARINT)},
}
REFUSED = {
    ("ModelProto", 20): "instructions for training",
    ("ModelProto", 25): "functions",
    ("GraphProto", 15): "sparse tensors",
    ("AttributeProto", 6): "a graph inside an operator",
    ("AttributeProto", 11): "graphs inside an operator",
    ("TensorProto", 13): "weights in another file (external data)",
}
"""What people may have meant, in words."""

Message = dict[str, Any]
"""Fields by name: a list where there may be several; text and bytes as memoryviews."""


def decode(kind: str, data: memoryview) -> Message:
    """Decode a message and all that lie in it.

    Numbers are signed, as ONNX's int64 are.

    Raises:
        ValueError: a field is not in the table, comes twice where it may not, or is cut short.
    """
    rules = MESSAGES[kind]
    message: Message = {rule.name: [] for rule in rules.values() if rule.many}
    for number, wire, value in fields(data):
        rule = rules.get(number)
        if rule is None:
            what = REFUSED.get((kind, number), f"field {number} of {kind}")
            raise ValueError(f"it holds {what}")
        found = _values(rule, wire, value)
        if rule.many:
            message[rule.name].extend(found)
            if len(message[rule.name]) > MAX_ENTRIES:
                raise ValueError(f"more than {MAX_ENTRIES:,} of {kind}.{rule.name}")
        elif rule.name in message:
            raise ValueError(f"{kind}.{rule.name} comes twice")
        else:
            (message[rule.name],) = found
    return message


def text(message: Message, name: str) -> str:
    """Return a message's text, "" where it has none.

    Raises:
        ValueError: it is not UTF-8.
    """
    return bytes(message.get(name, b"")).decode("utf-8")


def _values(rule: Rule, wire: int, value: int | memoryview) -> list[Any]:
    values: list[Any]
    if isinstance(value, int):
        right, values = rule.wire == VARINT, [_signed(value)]
    elif rule.message:
        right, values = wire == BYTES, [decode(rule.message, value)] if wire == BYTES else []
    elif rule.many and wire == BYTES and rule.wire != BYTES:
        return _unpacked(rule, value)
    else:
        right, values = rule.wire == wire, [value]
    if not right:
        raise ValueError(f"{rule.name} has wire type {wire}")
    return values


def _unpacked(rule: Rule, packed: memoryview) -> list[Any]:
    if rule.wire == VARINT:
        return [_signed(number) for number in varints(packed)]
    width = 4 if rule.wire == FIXED32 else 8
    if len(packed) % width:
        raise ValueError(f"{rule.name} is cut short")
    if len(packed) > width * MAX_ENTRIES:
        raise ValueError(f"more than {MAX_ENTRIES:,} of {rule.name}")
    return [packed[at : at + width] for at in range(0, len(packed), width)]


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number
