"""A classifier that is an ONNX graph, made by whatever framework, in the form that is explained."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper, numpy_helper
from torch import nn

from florascope.errors import ExplanationError
from florascope.nets.classifier import LinearHead, two_classes
from florascope.nets.extractor import Embedding, FeatureExtractor, Images
from florascope.nets.graph_reading import GraphReading, read_graph
from florascope.nets.onnx_parts import Array, Graph, Runner, relative_gap, tolerance
from florascope.nets.reading import Norm
from florascope.preprocessing import Preprocessing

PREFIX = "net/"  # of the names of a graph that was made elsewhere
CHECKED = 3  # drawn pictures that a finding is held against


GREY = (
    "It looks at grey pictures: export it again with a layer before it that makes them of colours,"
    " torch.nn.Sequential(torchvision.transforms.Grayscale(), net) in PyTorch"
)


@dataclass(frozen=True)
class Entrance:
    """What a graph takes.

    Attributes:
        channels_last: whether it takes (b, H, W, 3).
        size: height and width; None where it takes any.
        batch: pictures at once; None where it takes any number.
        dtype: of the numbers.
        range: "pixels" where the graph itself scales 0 to 255, "unit" where it scales 0 to 1; None
            where it does not say.
    """

    channels_last: bool
    size: int | None
    batch: int | None
    dtype: np.dtype[Any]
    range: Literal["pixels", "unit"] | None

    @classmethod
    def of(cls, graph: Graph) -> Self:
        """Read it off a graph.

        Raises:
            ExplanationError: it does not take square pictures of three colours.
        """
        tensor = graph.image.type.tensor_type
        sides = [dim.dim_value or None for dim in tensor.shape.dim]
        last = sides[3] == 3 and sides[1] != 3
        height, width = sides[1:3] if last else sides[2:]
        if (sides[3] if last else sides[1]) not in {3, None} or height != width:
            raise ExplanationError(
                f"the graph takes pictures of shape {tuple(sides)}",
                expected="(b, 3, size, size) or (b, size, size, 3)",
                fix=GREY if 1 in {sides[1], sides[3]} else "",
            )
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        found = "pixels" if dtype.kind in "ui" else _range(graph)
        return cls(last, height, sides[0], dtype, found)

    def pictures(self, images: Array) -> Array:
        """Lay out normalised images (b, 3, H, W) as the graph takes them."""
        moved = images.transpose(0, 2, 3, 1) if self.channels_last else images
        return np.ascontiguousarray(moved, self.dtype)


def _range(graph: Graph) -> Literal["pixels", "unit"] | None:
    """Read off the first operators what numbers a graph expects.

    What divides by tens or more, or subtracts as much, is meant for pixels of 0 to 255.
    """
    scale, offset, name = 1.0, 0.0, graph.image.name
    seen = False
    while node := next(_consumers(graph, name), None):
        if node.op_type not in {"Cast", "Identity", "Transpose", "Resize", "Reshape"}:
            others = [given for given in node.input if given != name]
            value = graph.constant(others[0]) if len(others) == 1 else None
            if node.op_type not in {"Mul", "Div", "Add", "Sub"} or value is None:
                break
            size, seen = float(np.abs(value).mean()), True
            if node.op_type in {"Add", "Sub"}:
                offset = max(offset, size)
            else:
                scale *= size if node.op_type == "Mul" else 1 / max(size, 1e-12)
        name = node.output[0]
    if not seen:
        return None
    return "pixels" if scale < 0.1 or offset > 10 else "unit"


def _consumers(graph: Graph, name: str) -> Iterator[Any]:
    return (n for n in graph.model.graph.node if name in n.input and n.op_type != "Shape")


class GraphNetwork(FeatureExtractor):
    """An ONNX graph up to the features that its head reads, in ONNX Runtime: no gradients.

    Args:
        graph: from pictures to scores.
        preprocessing: the contract of its input.
        name: what to call it.

    Attributes:
        model: the same graph as "image" (b, 3, size, size) to "map" and "features".
        batch: how many pictures it takes at once, where that is fixed.
        head: (K, f) and (K,): logits = head(features); see `two_classes`.
        gap: largest difference between the graph's own logits and the sums of the maps and biases,
            as a share of the largest logit, on drawn pictures; nan where there is no map.

    Raises:
        ExplanationError: the graph cannot be run on such pictures, or gives no scores.
    """

    differentiable = False

    def __init__(self, graph: Graph, preprocessing: Preprocessing, name: str) -> None:
        super().__init__()
        self.name, self.preprocessing, self.net = name, preprocessing, nn.Identity()
        self._entrance = Entrance.of(graph)
        images = drawn(preprocessing)
        pictures = self._entrance.pictures(images)
        self._graph, self.batch = _freed(graph, self._entrance, pictures)
        reading = read_graph(self._graph, pictures, self.batch)
        self._scores = reading.scores
        self._adopt(reading)
        truth = self._logits(reading, pictures)
        self.gap = relative_gap(self._sums(images), truth)
        if reading.map is not None and self.gap > tolerance(truth.dtype):
            told = f"map and bias differ from the logits by {self.gap:.1e} of the largest"
            self._adopt(replace(reading, map=None, obstacle=told))

    def _adopt(self, reading: GraphReading) -> None:
        self.head = _head(reading)
        self.model = _embedding(self._graph, self._entrance, reading, self.batch)
        self._run = Runner(self.model, self.batch)
        self.obstacle = reading.obstacle
        self.pools_linearly = self.reads_map = not reading.obstacle
        self.num_features = self.head.weight.shape[1]

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch."""
        found = self._run({"image": images.detach().float().cpu().contiguous().numpy()})
        feature_map, features = (torch.from_numpy(found[name]) for name in ("map", "features"))
        return Embedding(feature_map.to(images), features.to(images))

    def scores(self, images: Array) -> Array:
        """Return what the graph itself gives for normalised images, (b, K)."""
        run = Runner(self._graph.giving([self._scores]), self.batch)
        (found,) = run({self._graph.image.name: self._entrance.pictures(images)}).values()
        return found.reshape(len(found), -1)

    def own_graph(self) -> onnx.ModelProto:
        """Return the graph."""
        return self.model

    def digest(self) -> str:
        """BLAKE2b over the graph."""
        data = self.model.SerializeToString(deterministic=True)
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def _logits(self, reading: GraphReading, pictures: Array) -> Array:
        """Return the graph's own logits, (b, K)."""
        run = Runner(self._graph.giving([reading.logits]), self.batch)
        (found,) = run({self._graph.image.name: pictures}).values()
        logits = found.reshape(len(found), -1)
        logits = np.log(logits + np.float32(TINY)) if reading.probable else logits
        return logits * np.array([-0.5, 0.5], logits.dtype) if reading.classes == 1 else logits

    def _sums(self, images: Array) -> Array:
        """Return what the maps of all classes sum to, and the biases, (b, K)."""
        with torch.no_grad():
            return self.head(self(torch.from_numpy(images)).map.mean((2, 3))).numpy()


def drawn(preprocessing: Preprocessing) -> Array:
    """Draw normalised pictures that a finding is held against, always the same."""
    shape = (CHECKED, preprocessing.size, preprocessing.size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return preprocessing.normalise(pixels)


TINY = 1e-30  # of a probability, whose logarithm is taken


def _head(reading: GraphReading) -> LinearHead:
    """Return the head over the features that the embedding graph gives."""
    found, K = reading.map, reading.classes
    if found is not None and found.pooled:
        return two_classes(found.head)
    return two_classes(LinearHead(torch.eye(K), found.head.bias if found else torch.zeros(K)))


def _freed(graph: Graph, entrance: Entrance, pictures: Array) -> tuple[Graph, int | None]:
    """Let a graph that was made for one picture take several, where that gives the same.

    Exporters write the one picture into the shapes that tensors are brought into.
    """
    if entrance.batch is None:
        return graph, None
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    free = Graph(model)
    free.image.type.tensor_type.shape.dim[0].dim_param = "batch"
    for tensor in _shapes(free):
        sizes = numpy_helper.to_array(tensor)
        if len(sizes) and sizes[0] == entrance.batch and -1 not in sizes:
            tensor.CopyFrom(numpy_helper.from_array(np.array([-1, *sizes[1:]]), tensor.name))
    outputs = [graph.model.graph.output[0].name]
    try:
        (found,) = Runner(free.giving(outputs))({graph.image.name: pictures}).values()
    except ExplanationError:
        return graph, entrance.batch
    (truth,) = Runner(graph.giving(outputs), entrance.batch)({graph.image.name: pictures}).values()
    same = found.shape == truth.shape and np.allclose(found, truth, atol=1e-5, rtol=1e-4)
    return (free, None) if same else (graph, entrance.batch)


def _shapes(graph: Graph) -> Iterator[Any]:
    """Yield the constant shapes into which tensors that vary are brought."""
    named = {
        node.input[1]
        for node in graph.model.graph.node
        if node.op_type == "Reshape" and node.input[0] in graph.varying
    }
    yield from (tensor for tensor in graph.model.graph.initializer if tensor.name in named)
    for name in named & graph.node.keys():
        yield from (a.t for a in graph.node[name].attribute if a.name == "value")


class _Builder:
    """Nodes and weights that are added to a graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operator: str, *inputs: str | Array, **attributes: Any) -> str:  # noqa: ANN401 (of an operator)
        """Add a node; arrays become weights. Return the name of what it gives."""
        names = [name if isinstance(name, str) else self._weight(name) for name in inputs]
        output = f"added.{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], output, **attributes))
        return output

    def name(self, given: str, name: str) -> None:
        """Give a tensor another name."""
        self.nodes.append(helper.make_node("Identity", [given], [name], name))

    def _weight(self, values: Array) -> str:
        name = f"weight.{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name


def _embedding(
    graph: Graph, entrance: Entrance, reading: GraphReading, batch: int | None
) -> onnx.ModelProto:
    """Return a graph as "image" (b, 3, H, W) to "map" (b, c, h, w) and "features" (b, c)."""
    model = compose.add_prefix(graph.model, PREFIX)
    own, added = model.graph, _Builder()
    picture = "image"
    if entrance.channels_last:
        picture = added.add("Transpose", picture, perm=[0, 2, 3, 1])
    kind = helper.np_dtype_to_tensor_dtype(entrance.dtype)
    added.name(added.add("Cast", picture, to=kind), PREFIX + graph.image.name)
    front = len(added.nodes)
    added.name(_map(added, reading), "map")
    added.name(added.add("Flatten", added.add("GlobalAveragePool", "map")), "features")
    nodes = [*added.nodes[:front], *own.node, *added.nodes[front:]]
    sides, rows, size = _sides(reading), batch or "batch", entrance.size or "size"
    ends = {"image": [rows, 3, size, size], "map": [rows, *sides], "features": [rows, sides[0]]}
    values = {n: helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in ends.items()}
    del own.node[:], own.input[:], own.output[:], own.value_info[:], model.metadata_props[:]
    own.node.extend(nodes)
    own.initializer.extend(added.weights)
    own.input.append(values["image"])
    own.output.extend([values["map"], values["features"]])
    return model


def _sides(reading: GraphReading) -> tuple[int, ...]:
    """Return (c, h, w) of the map that is given: a flattened one's is of the classes."""
    found = reading.map
    if found is None:
        return (reading.classes, 1, 1)
    return found.places if found.pooled else (reading.classes, *found.places[1:])


def _map(added: _Builder, reading: GraphReading) -> str:
    """Add what brings the map into (b, c, h, w), so that its mean is what the head reads."""
    found = reading.map
    if found is None:
        given = added.add("Cast", PREFIX + reading.logits, to=TensorProto.FLOAT)
        if reading.probable:
            given = added.add("Log", added.add("Add", given, np.array(TINY, np.float32)))
        return added.add("Reshape", given, np.array([0, reading.classes, 1, 1]))
    given = added.add("Cast", PREFIX + found.name, to=TensorProto.FLOAT)
    if found.layout.kind == "nhwc":
        given = added.add("Transpose", given, perm=[0, 3, 1, 2])
    elif found.layout.kind == "tokens":
        given = added.add("Transpose", given, perm=[0, 2, 1])
        given = added.add("Reshape", given, np.array([0, *found.places]))
    if found.norm is not None:
        return _normed(added, given, found.norm)
    if found.pooled:
        return given
    weight = found.head.weight.numpy().reshape(-1, *found.places)
    count = math.prod(found.places[1:])
    return added.add("Einsum", given, weight * np.float32(count), equation="bchw,kchw->bkhw")


def _normed(added: _Builder, given: str, norm: Norm) -> str:
    """Add the norm of the pooled vector at every place; see `florascope.nets.reading.Norm`."""
    channels = len(norm.weight)
    mean = np.full((1, channels, 1, 1), 1 / channels, np.float32)
    centred = added.add("Sub", given, added.add("Conv", given, mean))
    pooled = added.add("GlobalAveragePool", centred)
    variance = added.add("Conv", added.add("Mul", pooled, pooled), mean)
    sigma = added.add("Sqrt", added.add("Add", variance, np.array(norm.eps, np.float32)))
    gamma, beta = (v.numpy()[None, :, None, None] for v in (norm.weight, norm.bias))
    return added.add("Add", added.add("Mul", added.add("Div", centred, sigma), gamma), beta)
