"""ONNX graphs made by hand: pictures of 8 x 8 to a map of 4 x 4, and a head of known weights."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CHANNELS, CLASSES = 8, 5, 3
DRAW = np.random.default_rng(7)
KERNEL = DRAW.normal(size=(CHANNELS, 3, 2, 2)).astype(np.float32)
WEIGHT = DRAW.normal(size=(CLASSES, CHANNELS)).astype(np.float32)
BIAS = DRAW.normal(size=CLASSES).astype(np.float32)


@dataclass
class Chain:
    """Nodes one after another; `last` is what the latest gives."""

    last: str = "image"
    opset: int = 13
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def then(self, operator: str, *others: Any, name: str = "", **attributes: Any) -> Self:
        """Add a node that takes the last tensor and these others, arrays or names."""
        inputs = [self.last, *(o if isinstance(o, str) else self._weight(o) for o in others)]
        self.last = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.last], **attributes))
        return self

    def _weight(self, values: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def model(self, shape: Any = ("b", 3, SIDE, SIDE), kind: int = TensorProto.FLOAT) -> Any:
        """Finish: the last tensor is the output."""
        given = helper.make_tensor_value_info("image", kind, list(shape))
        made = helper.make_empty_tensor_value_info(self.last)
        graph = helper.make_graph(self.nodes, "hand", [given], [made], self.weights)
        opset = [helper.make_opsetid("", self.opset)]
        model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=8)
        return model


def body(opset: int = 13) -> Chain:
    """A convolution and its map (b, 5, 4, 4), called "map"."""
    return Chain(opset=opset).then("Conv", KERNEL, strides=[2, 2]).then("Relu", name="map")


def last_body() -> Chain:
    """The same from pictures (b, 8, 8, 3) to a map (b, 4, 4, 5)."""
    moved = Chain().then("Transpose", perm=[0, 3, 1, 2]).then("Conv", KERNEL, strides=[2, 2])
    return moved.then("Transpose", perm=[0, 2, 3, 1]).then("Relu", name="map")
