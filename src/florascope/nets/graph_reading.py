"""How an ONNX graph's head reads its last feature map: walked from the scores backwards."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from florascope.errors import ExplanationError
from florascope.nets.classifier import LinearHead
from florascope.nets.onnx_parts import AFFINE, Array, Graph, Operators, Runner, Tail
from florascope.nets.reading import Layout, Norm

MOST_PLACES = 2**18  # numbers of a flattened map, each with weights of its own

MOVES: Operators = dict.fromkeys(
    ("Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), (0,)
)
LINKS: Operators = dict.fromkeys(("Softmax", "LogSoftmax", "Sigmoid"), (0,))
"""What may follow the logits."""
NORM: Operators = {"LayerNormalization": (0,)}
"""What may stand between pooling and head; see `florascope.nets.reading.Norm`."""


class GraphMap(NamedTuple):
    """A map that logits are linear in.

    Attributes:
        pooled: whether they are so in its mean over places; else the head has weights of its own
            for every place (a flattened map).
        name: of the tensor.
        layout: of the tensor.
        places: (c, h, w).
        head: (K, c) weights and (K,) bias; of a flattened map (K, c h w).
        norm: between pooling and head, if there is one.
    """

    pooled: bool
    name: str
    layout: Layout
    places: tuple[int, ...]
    head: LinearHead
    norm: Norm | None = None


@dataclass(frozen=True, eq=False)
class GraphReading:
    """What was found.

    Attributes:
        scores: the output that holds a number a class.
        logits: the tensor that is explained.
        classes: how many.
        probable: whether that holds probabilities, whose logarithms are the logits.
        map: None where the logits do not split over one.
        obstacle: why not; empty where they do.
    """

    scores: str
    logits: str
    classes: int
    probable: bool
    map: GraphMap | None
    obstacle: str = ""


def read_graph(graph: Graph, pictures: Array, batch: int | None) -> GraphReading:
    """Find the logits of a graph, and the map that they are linear in.

    From the scores a step back over a softmax or sigmoid leads to the logits; from there it goes on
    over every operator that is affine in the one tensor that varies, to the first map of more than
    one place. What lies between is affine, so that its answers to unit maps are its weights; that
    it reads nothing but the map's mean is measured on a random map.

    Args:
        graph: from pictures to scores.
        pictures: at least two, as the graph takes them.
        batch: how many it takes at once, where that is fixed.

    Raises:
        ExplanationError: the graph gives no scores, or cannot be run.
    """
    search = _Search(graph, pictures, batch)
    scores = search.scores()
    link = graph.chain(scores, MOVES)[-1]
    linked = graph.source(link, LINKS)
    logits = linked or scores
    values = search.values[logits].reshape(len(pictures), -1)
    probable = not linked and _probabilities(values)
    found = None if probable else search.map(logits)
    obstacle = "" if found else _obstacle(graph, logits)
    return GraphReading(scores, logits, values.shape[1], probable, found, obstacle)


def _probabilities(scores: Array) -> bool:
    summed = scores.sum(1, dtype=np.float64)
    return bool(scores.shape[1] > 1 and scores.min() >= 0 and np.allclose(summed, 1, atol=1e-3))


def _obstacle(graph: Graph, logits: str) -> str:
    """Say which operators stand between the logits and whatever map there may be."""
    chain = reversed(graph.chain(logits, AFFINE))
    steps = [graph.node[name].op_type for name in chain if name in graph.node]
    return (
        "the network does more than average a map and apply a linear layer to it"
        f" (its last operators: {', '.join(dict.fromkeys(steps))})"
    )


class _Search:
    """What is looked through: every tensor that one might have to go back over.

    Args:
        graph: the whole.
        pictures: some, as it takes them.
        batch: how many it takes at once, where that is fixed.

    Attributes:
        values: what the pictures make of each.
    """

    def __init__(self, graph: Graph, pictures: Array, batch: int | None) -> None:
        self._graph, self._pictures, self._batch = graph, pictures, batch
        self._outputs = [output.name for output in graph.model.graph.output]
        followed = {**AFFINE, **LINKS, **NORM}
        names = {n: None for output in self._outputs for n in graph.chain(output, followed)}
        made = [name for name in names if name != graph.image.name]
        self.values = Runner(graph.giving(made), batch)({graph.image.name: pictures})

    def scores(self) -> str:
        """Choose the output of a number a class: "logits" where there is one, else the first.

        Raises:
            ExplanationError: there is none.
        """
        for name in sorted(self._outputs, key=lambda name: name != "logits"):
            if _are_scores(self.values[name], len(self._pictures)):
                return name
        shapes = {name: self.values[name].shape for name in self._outputs}
        raise ExplanationError(
            f"the graph gives {shapes}", expected="scores (b, classes), as a classifier does"
        )

    def map(self, last: str) -> GraphMap | None:
        """Find the map that a tensor is affine in, be it behind one LayerNorm."""
        chain = self._graph.chain(last, AFFINE)
        return self._affine(chain) or self._normed(chain)

    def _affine(self, chain: Sequence[str]) -> GraphMap | None:
        """Try the tensors of a chain, those of two axes of places first."""
        for axes, find in ((4, _pooled), (3, _pooled), (4, _flattened)):
            for name in chain:
                value = self.values.get(name)  # the picture itself has none
                if value is not None and value.ndim == axes and (layouts := _layouts(value.shape)):
                    found = find(self._tail(name, chain[0]), layouts)
                    if found is not None:
                        return found
        return None

    def _normed(self, chain: Sequence[str]) -> GraphMap | None:
        """Look behind a LayerNorm for the mean of a map, and nothing but the mean."""
        source = self._graph.source(chain[-1], NORM)
        if not source or self.values[chain[-1]][0].size != self.values[chain[-1]].shape[-1]:
            return None
        pooled = self._affine(self._graph.chain(source, AFFINE))
        if pooled is None or not pooled.pooled or not _is_identity(pooled.head):
            return None
        norm = _norm(self._graph, chain[-1])
        if norm is None:
            return None
        tail = self._tail(chain[-1], chain[0])
        return pooled._replace(head=_head(tail.weights(), tail.bias), norm=norm)

    def _tail(self, first: str, last: str) -> Tail:
        value = self.values[first]
        return Tail(self._graph, first, last, value, self._pictures, self._batch)


def _are_scores(value: Any, rows: int) -> bool:  # noqa: ANN401 (whatever a graph gives)
    """Whether an output is floats, one row of them a picture."""
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim >= 2
    return floats and len(value) == rows and value[0].size == value.shape[1]


def _norm(graph: Graph, name: str) -> Norm | None:
    """Read a LayerNorm's numbers; None where they do not stand in the graph."""
    node = graph.node[name]
    weight, *rest = (graph.constant(given) for given in node.input[1:] if given)
    bias = rest[0] if rest else np.zeros_like(weight)
    epsilon = next((float(a.f) for a in node.attribute if a.name == "epsilon"), 1e-5)
    if weight is None or bias is None:
        return None
    gamma, beta = (torch.tensor(values, dtype=torch.float32) for values in (weight, bias))
    return Norm(gamma, beta, epsilon)


def _is_identity(head: LinearHead) -> bool:
    width = len(head.bias)
    same = head.weight.shape == (width, width)
    return same and torch.allclose(head.weight, torch.eye(width), atol=1e-4)


def _layouts(shape: Sequence[int]) -> list[Layout]:
    """Return the ways in which a tensor may hold a map of more than one place."""
    sides = shape[1:]
    if len(sides) == 2:
        return [Layout("tokens")] if sides[0] > 1 and math.isqrt(sides[0]) ** 2 == sides[0] else []
    places = {Layout("nchw"): sides[1] * sides[2], Layout("nhwc"): sides[0] * sides[1]}
    return [layout for layout, count in places.items() if count > 1]


def _head(weight: Array, bias: Array) -> LinearHead:
    return LinearHead(torch.from_numpy(weight).float(), torch.from_numpy(bias).float())


def _found(tail: Tail, layout: Layout, weight: Array, *, pooled: bool) -> GraphMap:
    places = tuple(layout.as_map(torch.zeros(1, *tail.shape)).shape[1:])
    return GraphMap(pooled, tail.first, layout, places, _head(weight, tail.bias))


def _drawn(tail: Tail) -> Array:
    """Draw two maps on which a finding is held against the graph."""
    return np.random.default_rng(0).normal(size=(2, *tail.shape)).astype(np.float32)


def _pooled(tail: Tail, layouts: Sequence[Layout]) -> GraphMap | None:
    """Find the layout under which the logits are linear in the mean over places."""
    maps = _drawn(tail)
    truth = tail(maps)
    for layout in layouts:
        channel = 1 if layout.kind == "nchw" else maps.ndim - 1
        places = tuple(axis for axis in range(1, maps.ndim) if axis != channel)
        means = maps.mean(places, keepdims=True)
        if tail.agree(tail(np.broadcast_to(means, maps.shape)), truth):
            weight = tail.weights(channel)
            if tail.agree(means.reshape(2, -1) @ weight.T + tail.bias, truth):
                return _found(tail, layout, weight, pooled=True)
    return None


def _flattened(tail: Tail, layouts: Sequence[Layout]) -> GraphMap | None:
    """Read weights for every number of a map, whose sides are equal as the picture's are."""
    maps = _drawn(tail)
    square = [la for la in layouts if len(set(la.as_map(torch.from_numpy(maps)).shape[2:])) == 1]
    if not square or math.prod(tail.shape) > MOST_PLACES:
        return None
    weight = tail.weights()
    if not tail.agree(maps.reshape(2, -1) @ weight.T + tail.bias, tail(maps)):
        return None
    by_place = square[0].as_map(torch.from_numpy(weight).reshape(-1, *tail.shape))
    return _found(tail, square[0], by_place.flatten(1).numpy(), pooled=False)
