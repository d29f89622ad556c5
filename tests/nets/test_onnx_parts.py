"""Graphs by their tensors' names, and parts of them run alone."""

import numpy as np
import pytest
from tests.support.graphs import BIAS, CHANNELS, WEIGHT, Chain, body

from florascope.errors import ExplanationError
from florascope.nets.onnx_parts import AFFINE, Graph, Runner, Tail, relative_gap, tolerance


def pooled() -> Graph:
    return Graph(
        body()
        .then("GlobalAveragePool")
        .then("Flatten", name="f")
        .then("Gemm", WEIGHT, BIAS, transB=1, name="z")
        .model()
    )


def test_the_chain_ends_at_the_map() -> None:
    graph = pooled()
    assert graph.chain("z", AFFINE) == ["z", "f", "t2", "map"]
    assert [node.op_type for node in graph.needed("z", "f")] == ["Gemm"]


def test_what_depends_on_the_shape_alone_does_not_vary() -> None:
    chain = body().then("Shape", name="sizes").then("Gather", np.array([0]), name="rows")
    graph = Graph(chain.model())
    assert {"map"} <= graph.varying
    assert not {"sizes", "rows"} & graph.varying


def test_weights_are_read_off_answers_to_units() -> None:
    graph = pooled()
    value = np.ones((2, CHANNELS), np.float32)
    tail = Tail(graph, "f", "z", value, np.zeros((1, 3, 8, 8), np.float32), None)
    np.testing.assert_allclose(tail.bias, BIAS, rtol=1e-6)
    np.testing.assert_allclose(tail.weights(), WEIGHT, rtol=1e-5, atol=1e-6)
    assert tail.agree(tail(value), value @ WEIGHT.T + BIAS)
    assert not tail.agree(tail(value) * 1.001, value @ WEIGHT.T + BIAS)


def test_rows_beyond_a_fixed_batch() -> None:
    """Three rows through a graph that takes two: the last is repeated, and dropped again."""
    model = body().model((2, 3, 8, 8))
    pictures = np.random.default_rng(0).normal(size=(3, 3, 8, 8)).astype(np.float32)
    (found,) = Runner(model, 2)({"image": pictures}).values()
    (truth,) = Runner(body().model())({"image": pictures}).values()
    np.testing.assert_allclose(found, truth, rtol=1e-5)


def test_constants_through_casts_and_nodes() -> None:
    graph = Graph(Chain().then("Mul", np.float32(3)).then("Add", "image").model())
    assert graph.constant("w0") == 3
    assert graph.constant("image") is None


def test_two_pictures_are_refused() -> None:
    model = body().model()
    model.graph.input.append(model.graph.input[0])
    model.graph.input[1].name = "mask"
    with pytest.raises(ExplanationError, match="'image' of 4 axes, 'mask' of 4 axes"):
        Graph(model)


def test_gaps_are_shares_of_the_largest_number() -> None:
    assert relative_gap(np.array([1.0, 4.0]), np.array([1.0, 5.0])) == pytest.approx(0.2)
    assert tolerance(np.dtype("float32")) < tolerance(np.dtype("float16"))
