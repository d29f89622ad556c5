"""The reader of ONNX held against the onnx package: its numbers, its tensors, its operators."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, defs, helper, numpy_helper

from florascope.bundle.onnx_check import NUMPY, OPERATORS, check_tensor, numbers
from florascope.bundle.onnx_message import MESSAGES, REFUSED, decode, text

WIRES = {1: 1, 2: 5, 3: 0, 5: 0, 9: 2, 11: 2, 12: 2, 13: 0, 14: 0}
"""protobuf's wire types by its types of fields."""
NESTED = {
    "Tensor": onnx.TypeProto.Tensor,
    "Dimension": onnx.TensorShapeProto.Dimension,
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_table_is_onnx_own(kind: str) -> None:
    descriptor = NESTED.get(kind, getattr(onnx, kind, None)).DESCRIPTOR  # type: ignore[union-attr]
    theirs = descriptor.fields_by_number
    for number, rule in MESSAGES[kind].items():
        field = theirs[number]
        assert field.name == rule.name
        assert WIRES[field.type] == rule.wire
        repeated = getattr(field, "is_repeated", None)
        assert (field.label == 3 if repeated is None else repeated) == rule.many
        if rule.message:
            assert field.message_type.name == rule.message


@pytest.mark.parametrize(("kind", "number"), REFUSED)
def test_what_is_refused_exists(kind: str, number: int) -> None:
    assert number in getattr(onnx, kind).DESCRIPTOR.fields_by_number
    assert number not in MESSAGES[kind]


def test_every_allowed_operator_is_onnx_own_and_holds_no_graph() -> None:
    for name in OPERATORS:
        schema = defs.get_schema(name)
        assert schema.domain == ""
        kinds = {attribute.type for attribute in schema.attributes.values()}
        assert not kinds & {defs.OpSchema.AttrType.GRAPH, defs.OpSchema.AttrType.GRAPHS}, name


def decoded(tensor: Any) -> dict[str, Any]:
    return decode("TensorProto", memoryview(tensor.SerializeToString()))


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 1, 4)])
def test_raw_numbers_as_onnx_reads_them(dtype: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    tensor = decoded(numpy_helper.from_array(values, "t"))
    check_tensor(tensor)
    assert NUMPY[tensor["data_type"]] in {values.dtype.str, values.dtype.str.lstrip("|")}
    np.testing.assert_array_equal(numbers(tensor), values.ravel())


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TensorProto.FLOAT, [1.5, -2.0]),
        (TensorProto.DOUBLE, [1.5, -2.0]),
        (TensorProto.INT64, [-1, 5]),
        (TensorProto.INT32, [-1, 5]),
    ],
)
def test_typed_numbers_as_onnx_reads_them(kind: int, values: list[float]) -> None:
    tensor = decoded(helper.make_tensor("t", kind, [2], values))
    check_tensor(tensor)
    assert numbers(tensor).tolist() == values


def test_a_lone_infinity_is_a_bound() -> None:
    check_tensor(decoded(numpy_helper.from_array(np.array(np.inf, np.float32))))
    with pytest.raises(ValueError, match="not finite"):
        check_tensor(decoded(numpy_helper.from_array(np.array(np.nan, np.float32))))
    with pytest.raises(ValueError, match="not finite"):
        check_tensor(decoded(numpy_helper.from_array(np.full(2, np.inf, np.float32))))


@pytest.mark.parametrize(("size", "right"), [(2**24, True), (2**25, False), (2**63 - 1, True)])
def test_sizes_are_small_or_mean_to_the_end(size: int, right: bool) -> None:
    for value in (size, -size):
        tensor = decoded(numpy_helper.from_array(np.array([value])))
        if right:
            check_tensor(tensor)
        else:
            with pytest.raises(ValueError, match="no size"):
                check_tensor(tensor)


def test_a_field_that_may_come_once() -> None:
    name = b"\x42\x01a"  # TensorProto.name, 8
    with pytest.raises(ValueError, match=r"TensorProto\.name comes twice"):
        decode("TensorProto", memoryview(name * 2))


def test_a_whole_model_is_read(tmp_path: Path) -> None:
    node = helper.make_node("Clip", ["x"], ["y"], "clip", doc_string="note")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 3]) for n in ("x", "y")]
    model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]))
    graph = decode("ModelProto", memoryview(model.SerializeToString()))["graph"]
    assert text(graph["node"][0], "op_type") == "Clip"
    sides = graph["output"][0]["type"]["tensor_type"]["shape"]["dim"]
    assert [side.get("dim_value") for side in sides] == [None, 3]
