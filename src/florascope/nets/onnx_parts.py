"""An ONNX graph by its tensors' names: what varies, what is affine, and parts of it run alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, inliner, numpy_helper

from florascope.bundle.runtime import open_session, quiet_options
from florascope.errors import ExplanationError

Array = NDArray[Any]
Operators = Mapping[str, tuple[int, ...]]
"""Names of operators, with the inputs through which they are followed."""

_FIRST = """
    Identity Dropout Cast Flatten Reshape Squeeze Unsqueeze Transpose Slice Gather Neg Div Conv
    BatchNormalization GlobalAveragePool AveragePool ReduceMean ReduceSum
"""
AFFINE: Operators = {
    **dict.fromkeys(_FIRST.split(), (0,)),
    **dict.fromkeys(("Add", "Sub", "Mul", "Gemm", "MatMul"), (0, 1)),
}
"""Operators by the inputs in which they are affine, the others being constant."""

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
UNIT = 1024.0  # of a map that one weight is read off from: large beside a bias, exact in floats
ROWS = 64  # such maps at once


def tolerance(dtype: np.dtype[Any]) -> float:
    """Return the relative gap that rounding explains: 1e-5, in half precision 1e-2."""
    return 1e-2 if dtype.itemsize < 4 else 1e-5


def relative_gap(found: Array, truth: Array) -> float:
    """Return the largest difference as a share of the largest number."""
    return float(np.abs(found - truth).max() / max(np.abs(truth).max(), np.finfo(np.float32).tiny))


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read an ONNX file, with its external data, local functions written out.

    Raises:
        ExplanationError: it is none.
    """
    try:
        model = onnx.load(path)
        return inliner.inline_local_functions(model) if model.functions else model
    except Exception as error:  # protobuf and ONNX raise many kinds
        raise ExplanationError(
            f"{path} cannot be read ({str(error).splitlines()[0]})", expected="an ONNX file"
        ) from error


class Runner:
    """A model in ONNX Runtime; safe to call from several threads at once.

    Args:
        model: the model.
        batch: how many rows it takes, where that is fixed; None for any number.

    Attributes:
        outputs: names of what it gives.

    Raises:
        ExplanationError: ONNX Runtime cannot run it.
    """

    def __init__(self, model: onnx.ModelProto, batch: int | None = None) -> None:
        self.outputs = [output.name for output in model.graph.output]
        self._batch = batch
        options = quiet_options(spinning=False)
        options.log_severity_level = 4  # what fails is raised
        try:
            self._session: Any = open_session(model.SerializeToString(), options)
        except Exception as error:  # ONNX Runtime and protobuf raise many kinds
            raise _cannot_run(error) from error

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run on rows, as many at once as the model takes; return its outputs by name.

        Raises:
            ExplanationError: it fails on them.
        """
        rows = len(next(iter(feeds.values())))
        step = self._batch or rows
        parts = [self._run(feeds, at, step) for at in range(0, rows, step)]
        joined = [
            part[0] if len(parts) == 1 else np.concatenate(part)[:rows]
            for part in zip(*parts, strict=True)
        ]
        return dict(zip(self.outputs, joined, strict=True))

    def _run(self, feeds: Mapping[str, Array], at: int, step: int) -> list[Array]:
        """Run some rows; where there are too few, the last is repeated."""
        last = len(next(iter(feeds.values()))) - 1
        rows = np.minimum(np.arange(at, at + step), last)
        try:
            found: list[Array] = self._session.run(
                self.outputs, {name: values[rows] for name, values in feeds.items()}
            )
        except Exception as error:  # ONNX Runtime raises many kinds
            raise _cannot_run(error) from error
        return found


def _cannot_run(error: Exception) -> ExplanationError:
    return ExplanationError(
        f"ONNX Runtime cannot run the graph ({str(error).splitlines()[0]})",
        expected="a network of ONNX's own operators from pictures to scores",
    )


class Graph:
    """A model's tensors by their names.

    Args:
        model: of one picture.

    Attributes:
        model: the same.
        image: its input.
        node: what gives each tensor.
        varying: tensors that depend on what the picture shows, and not on its shape alone.

    Raises:
        ExplanationError: it does not take one picture.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.image = _picture(model)
        self.node = {name: node for node in model.graph.node for name in node.output}
        self.varying = {self.image.name}
        for node in model.graph.node:
            shape = node.op_type in {"Shape", "Size"}
            if _has_graphs(node) or (not shape and self.varying & set(node.input)):
                self.varying.update(node.output)

    def constant(self, name: str) -> Array | None:
        """Return a tensor that stands in the graph; None where it is computed."""
        held = next((t for t in self.model.graph.initializer if t.name == name), None)
        if held is not None:
            return numpy_helper.to_array(held)
        node = self.node.get(name)
        if node is None or node.op_type not in {"Constant", "Cast", "Identity"}:
            return None
        if node.op_type != "Constant":
            return self.constant(node.input[0])
        tensors = [a.t for a in node.attribute if a.name == "value"]
        return numpy_helper.to_array(tensors[0]) if tensors else None

    def source(self, name: str, operators: Operators) -> str:
        """Return the one varying tensor that another is made of by one of some operators, or ""."""
        node = self.node.get(name)
        if node is None or node.op_type not in operators or not _among_floats(node):
            return ""
        places = [at for at, given in enumerate(node.input) if given in self.varying]
        followed = len(places) == 1 and places[0] in operators[node.op_type]
        return str(node.input[places[0]]) if followed else ""

    def chain(self, name: str, operators: Operators) -> list[str]:
        """Follow `source` as far as it goes; the tensor itself comes first."""
        chain = [name]
        while source := self.source(chain[-1], operators):
            chain.append(source)
        return chain

    def giving(self, outputs: Sequence[str]) -> onnx.ModelProto:
        """Return the whole model, giving these tensors instead."""
        return part_of(self.model, self.model.graph.node, [self.image], outputs)

    def needed(self, last: str, first: str) -> list[Any]:
        """Return the nodes that make one tensor of another, in their order."""
        needed: set[str] = set()
        rest = [last]
        while rest:
            name = rest.pop()
            node = self.node.get(name)
            if node is not None and name != first and node.output[0] not in needed:
                needed.add(node.output[0])
                rest.extend(node.input)
        return [node for node in self.model.graph.node if node.output[0] in needed]


def part_of(
    model: onnx.ModelProto, nodes: Sequence[Any], inputs: Sequence[Any], outputs: Sequence[str]
) -> onnx.ModelProto:
    """Make a model of some of another's nodes, with the weights that they need.

    Args:
        model: the other.
        nodes: of it, in its order.
        inputs: what is declared to come in.
        outputs: names of what shall come out.
    """
    used = {name for node in nodes for name in node.input} | set(outputs)
    inner = any(map(_has_graphs, nodes))
    graph = helper.make_graph(
        nodes,
        "part",
        inputs,
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [tensor for tensor in model.graph.initializer if inner or tensor.name in used],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _has_graphs(node: Any) -> bool:  # noqa: ANN401 (protobuf)
    return any(a.type in {a.GRAPH, a.GRAPHS} for a in node.attribute)


def _among_floats(node: Any) -> bool:  # noqa: ANN401 (protobuf)
    """Whether a node makes floats of floats, which a Cast need not."""
    return node.op_type != "Cast" or all(a.i in FLOATS for a in node.attribute if a.name == "to")


def _picture(model: onnx.ModelProto) -> Any:  # noqa: ANN401 (protobuf)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    axes = {value.name: len(value.type.tensor_type.shape.dim) for value in inputs}
    if list(axes.values()) != [4]:
        told = ", ".join(f"{name!r} of {count} axes" for name, count in axes.items())
        raise ExplanationError(
            f"the graph takes {told or 'nothing'}",
            expected="one input of pictures: (b, 3, H, W) or (b, H, W, 3)",
        )
    return inputs[0]


class Tail:
    """What makes the logits of a tensor, where that is affine: its answers are all there is to it.

    Args:
        graph: the whole.
        first: the tensor.
        last: the logits.
        value: an example of the tensor, (b, ...).
        pictures: that it was made of: the part may ask for their shape.
        batch: how many rows it takes, where that is fixed.

    Attributes:
        first: the tensor.
        shape: of one value.
        bias: (K,) what is answered to zeros.
    """

    def __init__(
        self, graph: Graph, first: str, last: str, value: Array, pictures: Array, batch: int | None
    ) -> None:
        self.shape: tuple[int, ...] = value.shape[1:]
        self.first, self._dtype = first, value.dtype
        nodes = graph.needed(last, first)
        asked = any(graph.image.name in node.input for node in nodes)
        self._others = {graph.image.name: pictures[:1]} if asked else {}
        inputs = [_declared(first, value), *([graph.image] if asked else [])]
        self._run = Runner(part_of(graph.model, nodes, inputs, [last]), batch)
        self.bias = self(np.zeros((1, *self.shape)))[0]

    def __call__(self, values: Array) -> Array:
        """Logits (n, K) of values (n, ...), as float64."""
        others = {name: np.repeat(v, len(values), 0) for name, v in self._others.items()}
        (found,) = self._run({self.first: values.astype(self._dtype), **others}).values()
        return found.reshape(len(values), -1).astype(np.float64)

    def agree(self, found: Array, truth: Array) -> bool:
        """Whether logits are the same within the rounding of the tensor's kind of numbers."""
        return relative_gap(found, truth) <= tolerance(self._dtype)

    def weights(self, channel: int | None = None) -> Array:
        """Weights (K, n): of each place of an axis, all over the others; None: of each number."""
        count = math.prod(self.shape) if channel is None else self.shape[channel - 1]
        parts = [
            self(self._units(np.arange(at, min(at + ROWS, count)), channel)) - self.bias
            for at in range(0, count, ROWS)
        ]
        return np.concatenate(parts).T / UNIT

    def _units(self, numbers: Array, channel: int | None) -> Array:
        """Values that are UNIT at one number, or all over one channel, and else 0."""
        units = np.zeros((len(numbers), *self.shape))
        flat = units.reshape(len(numbers), -1)
        rows = flat if channel is None else np.moveaxis(units, channel, 1)
        rows[np.arange(len(numbers)), numbers] = UNIT
        return units


def _declared(name: str, value: Array) -> Any:  # noqa: ANN401 (protobuf)
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, [None] * value.ndim)
