"""Heads of graphs made by hand, whose weights are known, found by walking backwards."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.support.graphs import BIAS, CHANNELS, CLASSES, SIDE, WEIGHT, Chain, body, last_body

from florascope.errors import ExplanationError
from florascope.nets.graph_reading import read_graph
from florascope.nets.onnx_parts import Graph

SCALE = np.linspace(0.5, 2, CHANNELS).astype(np.float32)
SHIFT = np.linspace(-1, 1, CHANNELS).astype(np.float32)
SQUARE = np.arange(9, dtype=np.float32).reshape(3, 3) / 5
FLAT = np.array([0, CHANNELS])


def gemm(chain: Chain) -> Chain:
    return chain.then("Gemm", WEIGHT, BIAS, transB=1)


def normed(chain: Chain) -> Chain:
    zeros, ones = np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32)
    return chain.then("BatchNormalization", SCALE, SHIFT, zeros, ones, epsilon=0.0)


POOLED: dict[str, Callable[[], Chain]] = {
    "global": lambda: gemm(body().then("GlobalAveragePool").then("Flatten")),
    "reduced": lambda: gemm(body().then("ReduceMean", axes=[2, 3], keepdims=0)),
    "kept": lambda: gemm(body().then("ReduceMean", axes=[-2, -1]).then("Reshape", FLAT)),
    "twice": lambda: gemm(
        body().then("ReduceMean", axes=[3], keepdims=0).then("ReduceMean", axes=[2], keepdims=0)
    ),
    "window": lambda: gemm(
        body().then("AveragePool", kernel_shape=[4, 4]).then("Squeeze", np.array([2, 3]))
    ),
    "summed": lambda: gemm(
        body().then("ReduceSum", np.array([2, 3]), keepdims=0).then("Div", np.float32(16))
    ),
    "unrolled": lambda: gemm(
        body().then("Reshape", np.array([0, CHANNELS, 16])).then("ReduceMean", axes=[2], keepdims=0)
    ),
    "product": lambda: (
        body().then("GlobalAveragePool").then("Flatten").then("MatMul", WEIGHT.T).then("Add", BIAS)
    ),
    "convolved": lambda: (
        body()
        .then("GlobalAveragePool")
        .then("Conv", WEIGHT[:, :, None, None], BIAS)
        .then("Flatten")
    ),
    "first": lambda: (
        body()
        .then("Conv", WEIGHT[:, :, None, None], BIAS)
        .then("GlobalAveragePool")
        .then("Flatten")
    ),
    "softmax": lambda: gemm(body().then("GlobalAveragePool").then("Flatten")).then("Softmax"),
    "sigmoid": lambda: gemm(body().then("GlobalAveragePool").then("Flatten")).then("Sigmoid"),
    "dropout": lambda: gemm(
        body().then("Dropout").then("GlobalAveragePool").then("Flatten").then("Identity")
    ),
    "last": lambda: gemm(last_body().then("ReduceMean", axes=[1, 2], keepdims=0)),
    "last, moved": lambda: gemm(
        last_body()
        .then("Transpose", perm=[0, 3, 1, 2])
        .then("GlobalAveragePool")
        .then("Transpose", perm=[0, 2, 3, 1])
        .then("Reshape", FLAT)
    ).then("Softmax"),
}


def pictures(graph: Graph, count: int = 2) -> Any:
    last = graph.image.type.tensor_type.shape.dim[3].dim_value == 3
    shape = (count, SIDE, SIDE, 3) if last else (count, 3, SIDE, SIDE)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def read(chain: Chain) -> Any:
    shape = ("b", SIDE, SIDE, 3) if chain.nodes[0].op_type == "Transpose" else ("b", 3, SIDE, SIDE)
    graph = Graph(chain.model(shape))
    return read_graph(graph, pictures(graph), None)


@pytest.mark.parametrize("name", POOLED)
def test_the_map_and_the_weights_of_a_pooled_head(name: str) -> None:
    reading = read(POOLED[name]())
    found = reading.map
    assert reading.obstacle == ""
    assert (found.pooled, reading.classes) == (True, CLASSES)
    assert not reading.probable
    if name == "first":  # the convolution's own output is a map, of the classes
        assert found.places == (CLASSES, 4, 4)
        assert np.allclose(found.head.weight, np.eye(CLASSES), atol=1e-6)
        return
    assert found.places == (CHANNELS, 4, 4)
    assert found.layout.kind == ("nhwc" if name == "last" else "nchw")
    np.testing.assert_allclose(found.head.weight, WEIGHT, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.head.bias, BIAS, rtol=1e-6)


def test_what_is_affine_after_pooling_goes_into_the_weights() -> None:
    chain = gemm(normed(body().then("GlobalAveragePool")).then("Flatten"))
    found = read(chain.then("MatMul", SQUARE).then("Mul", np.float32(0.5))).map
    np.testing.assert_allclose(found.head.weight, 0.5 * SQUARE.T @ (WEIGHT * SCALE), rtol=1e-4)
    wanted = 0.5 * SQUARE.T @ (WEIGHT @ SHIFT + BIAS)
    np.testing.assert_allclose(found.head.bias, wanted, rtol=1e-4, atol=1e-6)


def test_a_shape_that_is_worked_out_while_it_runs() -> None:
    """Batch size asked for with Shape, as tf2onnx and older exporters of PyTorch write it."""
    chain = (
        body().then("GlobalAveragePool", name="pooled").then("Shape").then("Gather", np.array([0]))
    )
    sizes = chain.then("Concat", np.array([CHANNELS]), axis=0).last
    chain.last = "pooled"
    found = read(gemm(chain.then("Reshape", sizes))).map
    np.testing.assert_allclose(found.head.weight, WEIGHT, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("last", [False, True])
def test_a_flattened_map_has_weights_for_every_place(last: bool) -> None:
    weight = np.random.default_rng(2).normal(size=(CLASSES, CHANNELS, 4, 4)).astype(np.float32)
    flat = (weight.transpose(0, 2, 3, 1) if last else weight).reshape(CLASSES, -1)
    chain = (last_body() if last else body()).then("Flatten").then("Gemm", flat, BIAS, transB=1)
    found = read(chain).map
    assert (found.pooled, found.places) == (False, (CHANNELS, 4, 4))
    np.testing.assert_allclose(found.head.weight, weight.reshape(CLASSES, -1), rtol=1e-4, atol=1e-5)


def test_a_layer_norm_between_pooling_and_head() -> None:
    chain = body(17).then("GlobalAveragePool").then("Reshape", FLAT)
    found = read(gemm(chain.then("LayerNormalization", SCALE, SHIFT, epsilon=1e-4))).map
    np.testing.assert_allclose(found.head.weight, WEIGHT, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.norm.weight, SCALE)
    np.testing.assert_array_equal(found.norm.bias, SHIFT)
    assert found.norm.eps == pytest.approx(1e-4)


REFUSED: dict[str, tuple[Callable[[], Chain], str]] = {
    "two layers": (
        lambda: gemm(body().then("GlobalAveragePool").then("Flatten").then("Relu")),
        "Relu, Gemm",
    ),
    "largest": (lambda: gemm(body().then("GlobalMaxPool").then("Flatten")), "GlobalMaxPool"),
    "squared": (
        lambda: gemm(body().then("GlobalAveragePool", name="p").then("Mul", "p").then("Flatten")),
        "Mul",
    ),
    "divided": (
        lambda: gemm(
            body().then("ReduceMean", axes=[2, 3], keepdims=0, name="p").then("Reciprocal")
        ),
        "Reciprocal",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_affine_has_no_map_and_says_which_operator(name: str) -> None:
    made, operator = REFUSED[name]
    reading = read(made())
    assert reading.map is None
    assert operator in reading.obstacle


def test_pixels_alone_are_no_feature_map() -> None:
    chain = (
        Chain().then("Flatten").then("Gemm", np.ones((CLASSES, 3 * SIDE**2), np.float32), transB=1)
    )
    assert read(chain).map is None


def test_probabilities_whose_softmax_is_written_out() -> None:
    chain = gemm(body().then("GlobalAveragePool").then("Flatten")).then("Exp", name="e")
    total = chain.then("ReduceSum", np.array([1])).last
    chain.last = "e"
    reading = read(chain.then("Div", total))
    assert (reading.probable, reading.map) == (True, None)


def test_a_graph_without_scores() -> None:
    with pytest.raises(ExplanationError, match="expected scores"):
        read(body())


def test_a_graph_that_cannot_be_run() -> None:
    with pytest.raises(ExplanationError, match="ONNX Runtime cannot run the graph"):
        read(body().then("NoSuchOperator"))
