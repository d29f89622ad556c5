"""A graph whose weights are kept in 8 or 4 bits and computed with in float32.

Each row (an output channel) of a matrix or kernel has whole numbers q and one scale s, and the
graph begins with the operators that make s q of them, which runtimes fold when they open it. So
every CPU computes the same, as fast as before: what shrinks is the file. (`quantisation` has
integers in the arithmetic, too.)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from jaxtyping import Float32, Int8
from onnx import TensorProto, helper, numpy_helper

from florascope.errors import FlorascopeError
from florascope.export.quantisation import folded_graph

FEW = 16  # values that stay as they are
LOW_BITS, BITS = 4, 8
CLIPS = np.linspace(0.5, 1.0, 21)  # shares of a row's largest value that its largest number may be
METADATA = 20_000  # bytes that an export adds: classes, preprocessing, calibration
LEAST = 1e-7  # scale of a row, which float16 still holds
TOLERANCE = 1e-5  # of the largest weight

Rows = Float32[np.ndarray, "rows columns"]


@dataclass(frozen=True, eq=False)
class Packed:
    """How a tensor is made again.

    Attributes:
        nodes: the operators; the last gives the tensor under its own name.
        tensors: what they read.
    """

    nodes: list[onnx.NodeProto]
    tensors: list[onnx.TensorProto]


def pack(graph: Path, megabytes: float | None = None) -> onnx.ModelProto:
    """Pack a bundle's graph: 8 bits a weight, 4 for the largest tensors where it must be smaller.

    The rest (biases, scales) is rounded to float16. A class map's kernel is the head's weights over
    again and is kept once.

    Args:
        graph: the bundle's model.onnx.
        megabytes: what the file may take, in millions of bytes; None packs all in 8 bits.

    Raises:
        FlorascopeError: the graph cannot be read, or no packing is as small as that.
    """
    model = folded_graph(graph)
    _share_head(model)
    tensors = [t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT]
    values = {t.name: numpy_helper.to_array(t) for t in tensors}
    parts = {n: _part(n, value, BITS) for n, value in values.items() if _shrinks(value)}
    packed = _assembled(model, parts)
    for name in sorted(filter(lambda n: _halves(values[n]), parts), key=lambda n: -values[n].size):
        if _fits(packed, megabytes):
            break
        parts[name] = _part(name, values[name], LOW_BITS)
        packed = _assembled(model, parts)
    if not _fits(packed, megabytes):
        least = (packed.ByteSize() + METADATA) / 1e6
        raise FlorascopeError(
            f"{graph} takes {least:.2f} MB at the least",
            expected=f"at most {megabytes:g} MB",
            fix=f"Use `megabytes={least + 0.01:.2f}`, or a smaller backbone",
        )
    return packed


def _shrinks(value: np.ndarray) -> bool:
    return value.size > FEW and bool((np.abs(value) <= np.finfo(np.float16).max).all())


def _halves(value: np.ndarray) -> bool:
    """Whether rows can be kept two in one: the first half of them above, the second below."""
    return value.ndim > 1 and len(value) % 2 == 0


def _fits(model: onnx.ModelProto, megabytes: float | None) -> bool:
    return megabytes is None or model.ByteSize() + METADATA <= megabytes * 1e6


def _share_head(model: onnx.ModelProto) -> None:
    """Make the class map's kernel of the head's weights, where it is a multiple of them."""
    graph = model.graph
    held = {t.name: t for t in graph.initializer}
    if not {"head.weight", "cam.weight"} <= held.keys():
        return
    weight, kernel = (numpy_helper.to_array(held[n]) for n in ("head.weight", "cam.weight"))
    flat = kernel.reshape(len(kernel), -1)
    if flat.shape != weight.shape:
        return
    factor = np.float32((flat * weight).sum() / max(LEAST, np.square(weight).sum()))
    if np.abs(flat - factor * weight).max() > TOLERANCE * np.abs(flat).max():
        return
    graph.initializer.remove(held["cam.weight"])
    shape = np.array(kernel.shape, np.int64)
    _prepend(
        graph,
        [
            helper.make_node("Reshape", ["head.weight", "cam.shape"], ["cam.rows"]),
            helper.make_node("Mul", ["cam.rows", "cam.factor"], ["cam.weight"]),
        ],
        [
            numpy_helper.from_array(shape, "cam.shape"),
            numpy_helper.from_array(factor, "cam.factor"),
        ],
    )


def _assembled(model: onnx.ModelProto, parts: dict[str, Packed]) -> onnx.ModelProto:
    """Return a copy whose tensors are made of their parts."""
    own = onnx.ModelProto()
    own.CopyFrom(model)
    kept = [t for t in own.graph.initializer if t.name not in parts]
    del own.graph.initializer[:]
    own.graph.initializer.extend(kept)
    own.graph.ClearField("value_info")
    for part in parts.values():
        _prepend(own.graph, part.nodes, part.tensors)
    return own


def _prepend(graph: Any, nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto]) -> None:  # noqa: ANN401 (protobuf)
    after = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *after])
    graph.initializer.extend(tensors)


def _part(name: str, value: np.ndarray, bits: int) -> Packed:
    """Pack a matrix or kernel in so many bits, and what has one dimension in float16."""
    if value.ndim == 1:
        half = numpy_helper.from_array(value.astype(np.float16), f"{name}.half")
        return Packed([_cast(half.name, name)], [half])
    scales, numbers = quantise_rows(value.reshape(len(value), -1), bits)
    q = numbers.reshape(value.shape)
    s = scales.astype(np.float16).reshape(-1, *[1] * (value.ndim - 1))
    scale = numpy_helper.from_array(s, f"{name}.scale")
    stored = numpy_helper.from_array(_nibbles(q) if bits == LOW_BITS else q, f"{name}.packed")
    unpacking = (
        _unpacking(name) if bits == LOW_BITS else Packed([_cast(stored.name, f"{name}.whole")], [])
    )
    product = helper.make_node("Mul", [f"{name}.whole", f"{name}.step"], [name])
    nodes = [_cast(scale.name, f"{name}.step"), *unpacking.nodes, product]
    return Packed(nodes, [scale, stored, *unpacking.tensors])


def quantise_rows(
    rows: Rows, bits: int
) -> tuple[Float32[np.ndarray, " rows"], Int8[np.ndarray, "rows columns"]]:
    """Round each row to whole numbers times a scale that float16 holds.

    Of some scales, the one with the smallest sum of squared errors is taken: with few bits it is
    better to cut off a row's largest values than to round all others coarsely.

    Args:
        rows: the weights.
        bits: 2 to 8, of which one is the sign.

    Returns:
        scales and whole numbers q; scale times q is close to the row.
    """
    top = 2 ** (bits - 1) - 1
    largest = np.abs(rows).max(1) / top
    scales = np.zeros(len(rows), np.float32)
    lowest = np.full(len(rows), np.inf, np.float32)
    for clip in CLIPS:
        tried = np.maximum(clip * largest, LEAST).astype(np.float16).astype(np.float32)
        errors = np.square(_rounded(rows, tried, top) * tried[:, None] - rows).sum(1)
        scales = np.where(errors < lowest, tried, scales)
        lowest = np.minimum(errors, lowest)
    return scales, _rounded(rows, scales, top).astype(np.int8)


def _rounded(rows: Rows, scales: Float32[np.ndarray, " rows"], top: int) -> Rows:
    rounded: Rows = np.clip(np.rint(rows / scales[:, None]), -top, top)
    return rounded


def _nibbles(q: Int8[np.ndarray, "..."]) -> np.ndarray:
    """Two rows in one: the first half's numbers above, the second half's below, each plus 8."""
    above, below = np.split((q + 8).astype(np.uint8), 2)
    return above * np.uint8(16) + below


def _unpacking(name: str) -> Packed:
    """From bytes that hold two numbers to whole numbers in float32."""
    steps = (
        ("Div", ("pair", "sixteen"), "quotient"),
        ("Floor", ("quotient",), "above"),
        ("Mul", ("above", "sixteen"), "shifted"),
        ("Sub", ("pair", "shifted"), "below"),
        ("Concat", ("above", "below"), "raised"),
        ("Sub", ("raised", "eight"), "whole"),
    )
    nodes = [_cast(f"{name}.packed", f"{name}.pair")]
    for operator, inputs, output in steps:
        along = {"axis": 0} if operator == "Concat" else {}
        own = [f"{name}.{i}" for i in inputs]
        nodes.append(helper.make_node(operator, own, [f"{name}.{output}"], **along))
    numbers = {"sixteen": np.float32(16), "eight": np.float32(8)}
    return Packed(nodes, [numpy_helper.from_array(v, f"{name}.{k}") for k, v in numbers.items()])


def _cast(name: str, output: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [output], to=TensorProto.FLOAT)
