"""A stranger's ONNX graph, held to what is allowed before any runtime sees it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from florascope.bundle.config import BundleConfig
from florascope.bundle.onnx_message import Message, decode, text
from florascope.errors import BundleError

if TYPE_CHECKING:  # importing it takes a fortieth of an answer
    from numpy.typing import NDArray

MAX_WHOLE = 2**24  # of a size in a graph, but for the sentinels that mean "to the end"
SENTINEL = 2**31 - 1
NUMPY = {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "u1", 10: "<f2"}
NUMPY |= {11: "<f8", 12: "<u4", 13: "<u8"}
"""NumPy's types by ONNX's numbers of them."""

_TYPED = {"float_data": "<f4", "double_data": "<f8", "int32_data": None, "int64_data": None}
"""Where numbers may lie unless they are raw; None: decoded already."""


def check_tensor(tensor: Message) -> None:
    """Check that a tensor is all there, in this file, finite, and no size in it enormous.

    Raises:
        ValueError: it is not so.
    """
    name = text(tensor, "name")[:80]
    if tensor.get("data_type") not in NUMPY:
        raise ValueError(f"tensor {name!r} has the type {tensor.get('data_type')}")
    if tensor.get("data_location", 0) != 0:
        raise ValueError(f"tensor {name!r} lies in another file")
    if any(d < 0 for d in tensor["dims"]):
        raise ValueError(f"tensor {name!r} has the shape {tensor['dims'][:8]}")
    values, count = numbers(tensor), math.prod(tensor["dims"])
    if len(values) != count:
        raise ValueError(f"tensor {name!r} has {len(values):,} of {count:,} numbers")
    if not _sound(values):
        raise ValueError(f"tensor {name!r} holds what is not finite, or no size")


def numbers(tensor: Message) -> "NDArray[Any]":
    """Return a tensor's numbers, (n,); those of float16 in 32-bit fields as whole numbers.

    Raises:
        ValueError: they are there twice, or cut short.
    """
    typed = [name for name in _TYPED if tensor[name]]
    raw, dtype = tensor.get("raw_data", b""), np.dtype(NUMPY[tensor["data_type"]])
    if len(typed) + (len(raw) > 0) > 1:
        raise ValueError(f"tensor {text(tensor, 'name')[:80]!r} has its numbers twice")
    if not typed:
        if len(raw) % dtype.itemsize:
            raise ValueError(f"tensor {text(tensor, 'name')[:80]!r} is cut short")
        return np.frombuffer(raw, dtype)
    kind, values = _TYPED[typed[0]], tensor[typed[0]]
    return np.array(values, np.int64) if kind is None else np.frombuffer(b"".join(values), kind)


def sentinel(number: int) -> bool:
    """Whether a number is so large that it means "to the end"."""
    return abs(number) >= SENTINEL


def _sound(values: "NDArray[Any]") -> bool:
    """Whether floats are finite (a lone infinity is a bound) and 64-bit numbers are sizes."""
    if values.dtype.kind == "f":
        return bool(np.isfinite(values).all()) or (len(values) == 1 and not np.isnan(values[0]))
    if values.dtype.itemsize < 8:
        return True
    over = (values > MAX_WHOLE) & (values < SENTINEL)
    under = (values < -MAX_WHOLE) & (values > -SENTINEL)
    return not bool((over | under).any())


MAX_ELEMENTS = 2**28  # that one operator may be told to fill
MAX_ATTRIBUTE = 2**16
FLATBUFFER = b"ORTM"  # ONNX Runtime's own format, which says so in bytes 4 to 8
DOMAINS = frozenset({"", "ai.onnx"})
FLOAT = 1
_NAMES = """
    Abs Add And AveragePool BatchNormalization Cast CastLike Ceil Clip Concat Constant
    ConstantOfShape Conv ConvInteger CumSum DepthToSpace DequantizeLinear Div Dropout
    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherND Gelu Gemm
    GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish
    Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax
    LpNormalization MatMul MatMulInteger Max MaxPool Mean Min Mish Mod Mul Neg Not Or PRelu Pad Pow
    QLinearConv QLinearMatMul QuantizeLinear RMSNormalization Range Reciprocal ReduceL1 ReduceL2
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape
    Resize Round Selu Shape Sigmoid Sign Sin Cos Size Slice Softmax Softplus Softsign SpaceToDepth
    Split Sqrt Squeeze Sub Sum Swish Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where
"""
OPERATORS = frozenset(_NAMES.split())
"""Arithmetic on tensors: no loops, no branches, no code of others, no files."""
FILLERS = {"ConstantOfShape": (0,), "Expand": (1,), "Tile": (1,), "Pad": (1,), "Resize": (2, 3)}
"""Operators that make as much as one of their inputs says, and which."""


def check_graph(data: bytes, config: BundleConfig, source: str) -> None:
    """Check a bundle's graph.

    It holds operators of the allow-list alone, in ONNX's own domain; no functions, subgraphs,
    sparse tensors or external data; weights that are finite and of the stated size; and it takes
    and gives what the config promises: image (b, 3, size, size); logits (b, K), and where they are
    there cam (b, K, h, w), features (b, c), similarities (b, K) and ratios
    (b, K), all float32.

    Args:
        data: the file's bytes.
        config: of the bundle.
        source: the file's name, for the error.

    Raises:
        BundleError: it is not so.
    """
    try:
        _check(memoryview(data), config)
    except ValueError as error:
        raise BundleError(
            f"{source} is not a graph that may be run: {error}",
            expected="an ONNX network as training writes it",
        ) from error


def _check(data: memoryview, config: BundleConfig) -> None:
    if data[4:8] == FLATBUFFER:
        raise ValueError("it is in ONNX Runtime's own format")
    model = decode("ModelProto", data)
    graph = model.get("graph")
    if not graph:
        raise ValueError("it holds no graph")
    for node in graph["node"]:
        _check_node(node)
    for tensor in graph["initializer"]:
        check_tensor(tensor)
    _check_fillers(graph)
    _check_ends(graph, config)


def _check_node(node: Message) -> None:
    operator, domain = text(node, "op_type"), text(node, "domain")
    if domain not in DOMAINS or operator not in OPERATORS:
        name = f"{domain}.{operator}" if domain else operator
        raise ValueError(f"operator {name[:80]!r} is not one of those allowed")
    for attribute in node["attribute"]:
        whole = [*attribute["ints"], attribute.get("i", 0)]
        if any(abs(n) > MAX_ATTRIBUTE and not sentinel(n) for n in whole):
            raise ValueError(f"{operator} has {text(attribute, 'name')[:80]} {max(whole)}")
        if "t" in attribute:
            check_tensor(attribute["t"])


def _check_fillers(graph: Message) -> None:
    """Refuse what one operator would fill the memory with, where a constant says so."""
    constants = dict(_constants(graph))
    for node in graph["node"]:
        operator, inputs = text(node, "op_type"), [bytes(name) for name in node["input"]]
        for place in FILLERS.get(operator, ()):
            if place < len(inputs) and inputs[place] in constants:
                sizes = [max(1.0, float(v)) for v in constants[inputs[place]]]
                if math.prod(sizes) > MAX_ELEMENTS:
                    raise ValueError(f"{operator} makes {math.prod(sizes):.3g} numbers")
        if operator == "Range":
            bounds = [float(v) for name in inputs for v in constants.get(name, [])]
            if any(abs(bound) > MAX_WHOLE or 0 < abs(bound) < 1e-3 for bound in bounds):
                raise ValueError(f"Range over {bounds}")


def _constants(graph: Message) -> "Iterator[tuple[bytes, NDArray[Any]]]":
    """Name the small tensors that stand in the graph."""
    held = [(tensor.get("name", b""), tensor) for tensor in graph["initializer"]]
    for node in graph["node"]:
        tensors = [a["t"] for a in node["attribute"] if "t" in a]
        if text(node, "op_type") == "Constant" and node["output"] and tensors:
            held.append((node["output"][0], tensors[0]))
    for name, tensor in held:
        if math.prod(tensor["dims"]) <= 16:
            yield bytes(name), numbers(tensor)


def _check_ends(graph: Message, config: BundleConfig) -> None:
    """Hold inputs and outputs against the config's promise."""
    size, classes = config.preprocessing.size, len(config.classes)
    weights = {bytes(tensor.get("name", b"")) for tensor in graph["initializer"]}
    entries = [e for e in graph["input"] if bytes(e.get("name", b"")) not in weights]
    inputs, outputs = dict(map(_end, entries)), dict(map(_end, graph["output"]))
    if list(inputs) != ["image"] or "logits" not in outputs:
        raise ValueError(f"it takes {list(inputs)} and gives {list(outputs)}, not image to logits")
    promised: dict[str, tuple[int | None, ...]] = {
        "image": (None, 3, size, size),
        "logits": (None, classes),
        "cam": (None, classes, None, None),
        "features": (None, config.num_features),
        "similarities": (None, classes),
        "ratios": (None, classes),
    }
    for name, shape in {**inputs, **outputs}.items():
        wanted = promised.get(name)
        if wanted is not None and not _fits(shape, wanted):
            raise ValueError(f"its {name} has the shape {shape}, and config.json says {wanted}")


def _end(entry: Message) -> tuple[str, tuple[int | None, ...]]:
    """Name and shape of an input or output; None where a side is free."""
    name = text(entry, "name")
    tensor = entry.get("type", {}).get("tensor_type", {})
    if tensor.get("elem_type") != FLOAT or "shape" not in tensor:
        raise ValueError(f"its {name[:80]} is not a float32 tensor of known shape")
    sides = tensor["shape"]["dim"]
    for side in sides:
        text(side, "dim_param")  # ONNX Runtime hands it on to Python, which wants UTF-8
    return name, tuple(side.get("dim_value") for side in sides)


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(a == b or None in {a, b} for a, b in pairs)
