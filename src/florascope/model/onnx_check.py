"""An ONNX file checked before ONNX Runtime sees it: a network that computes, and nothing else."""

import math
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from florascope.errors import BundleError
from florascope.model.bundle import BundleConfig
from florascope.model.onnx_message import Message, decode, text
from florascope.model.onnx_tensor import MAX_WHOLE, check_tensor, numbers, sentinel

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
    there cam (b, K, h, w), features (b, c) and similarities (b, K), all float32.

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
            expected="an ONNX network as florascope train writes it",
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


def _constants(graph: Message) -> Iterator[tuple[bytes, NDArray[Any]]]:
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
