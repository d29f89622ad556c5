"""Graphs of several makers: the maps and biases they are given sum to their own logits."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import timm
import torch
from onnx import TensorProto
from tests.support.graphs import BIAS, CHANNELS, KERNEL, SIDE, WEIGHT, Chain, body, last_body
from tests.support.networks import stir
from torch import nn

from florascope.errors import ExplanationError
from florascope.nets.graph_network import Entrance, GraphNetwork
from florascope.nets.onnx_graph import backbone_graph
from florascope.nets.onnx_parts import Graph, relative_gap
from florascope.preprocessing import SCALINGS, Preprocessing

PLAIN = Preprocessing(size=SIDE)
LAST = ("b", SIDE, SIDE, 3)


def pooled(chain: Chain) -> Chain:
    return chain.then("GlobalAveragePool").then("Flatten").then("Gemm", WEIGHT, BIAS, transB=1)


def pooled_last(chain: Chain) -> Chain:
    reduced = chain.then("ReduceMean", axes=[1, 2], keepdims=0)
    return reduced.then("Gemm", WEIGHT, BIAS, transB=1)


def flattened(chain: Chain) -> Chain:
    weight = np.random.default_rng(2).normal(size=(3, CHANNELS * 16)).astype(np.float32)
    return chain.then("Flatten").then("Gemm", weight, BIAS, transB=1)


def one_picture(chain: Chain) -> Chain:
    """As exporters write it that saw one picture: its row is part of the shape."""
    moved = chain.then("GlobalAveragePool").then("Reshape", np.array([1, CHANNELS]))
    return moved.then("Gemm", WEIGHT, BIAS, transB=1)


HAND: dict[str, tuple[Callable[[], Chain], Any]] = {
    "pooled": (lambda: pooled(body()), ("b", 3, SIDE, SIDE)),
    "any size": (lambda: pooled(body()), ("b", 3, "h", "w")),
    "channels last": (lambda: pooled_last(last_body()), LAST),
    "flattened": (lambda: flattened(body()), ("b", 3, SIDE, SIDE)),
    "flattened, last": (lambda: flattened(last_body()), LAST),
    "normed": (
        lambda: (
            body(17)
            .then("GlobalAveragePool")
            .then("Flatten")
            .then("LayerNormalization", WEIGHT[0], WEIGHT[1])
            .then("Gemm", WEIGHT, BIAS, transB=1)
        ),
        ("b", 3, SIDE, SIDE),
    ),
    "one picture": (lambda: one_picture(body()), (1, 3, SIDE, SIDE)),
}


def pixels(size: int, count: int = 3) -> Any:
    shape = (count, size, size, 3)
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def sums(network: GraphNetwork, images: Any) -> Any:
    """Maps of all classes summed over places, and the biases."""
    with torch.no_grad():
        found = network(torch.from_numpy(images)).map
        kernel = network.head.weight[:, :, None, None] / found[0, 0].numel()
        maps = torch.conv2d(found, kernel)
    return maps.sum((2, 3)).numpy() + network.head.bias.numpy()


def own(model: onnx.ModelProto, images: Any) -> Any:
    """The graph itself, a picture at a time."""
    session = ort.InferenceSession(model.SerializeToString())
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image[None]})[0] for image in images])


@pytest.mark.parametrize("name", HAND)
def test_map_and_bias_are_the_logit(name: str) -> None:
    made, shape = HAND[name]
    model = made().model(shape)
    network = GraphNetwork(Graph(model), PLAIN, name)
    images = PLAIN.normalise(pixels(SIDE))
    given = images.transpose(0, 2, 3, 1) if shape == LAST else images
    assert (network.obstacle, network.batch) == ("", None)
    assert network(torch.from_numpy(images)).map.shape[2:] == (4, 4)
    np.testing.assert_allclose(sums(network, images), own(model, given), rtol=1e-4, atol=1e-5)
    assert network.gap < 1e-5
    onnx.checker.check_model(network.model)


def exported(net: nn.Module, size: int, *, dynamo: bool = False) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        example = (torch.zeros(1, 3, size, size),)
        path: Any = None if dynamo else file
        program: Any = torch.onnx.export(net, example, path, dynamo=dynamo, verbose=False)
        model: onnx.ModelProto = (
            program.model_proto if dynamo else onnx.load_from_string(file.getvalue())
        )
        return model


def network_of(name: str, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    net: nn.Module = timm.create_model(name, num_classes=5, **settings).eval()
    stir(net)
    return net


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "settings", "dynamo"),
    [
        ("resnet18", {}, False),
        ("test_resnet", {}, True),
        ("mobilenetv2_050", {}, False),
        ("test_convnext", {}, False),
        ("test_vit", {"global_pool": "avg", "class_token": False, "img_size": 64}, False),
    ],
)
def test_exports_of_pytorch(name: str, settings: dict[str, Any], dynamo: bool) -> None:
    net, contract = network_of(name, **settings), Preprocessing(size=64)
    model = exported(net, 64, dynamo=dynamo)
    network = GraphNetwork(Graph(model), contract, name)
    images = contract.normalise(pixels(64))
    with torch.no_grad():
        theirs = net(torch.from_numpy(images)).numpy()
    truth = own(model, images)
    assert network.obstacle == ""
    assert relative_gap(sums(network, images), truth) < 1e-5
    assert relative_gap(truth, theirs) < 1e-3  # two runtimes through fifty layers


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_vit"])
def test_exports_without_a_pooled_linear_head(name: str) -> None:
    settings = {"img_size": 64} if name == "test_vit" else {}
    net, contract = network_of(name, **settings), Preprocessing(size=64)
    network = GraphNetwork(Graph(exported(net, 64)), contract, name)
    images = torch.from_numpy(contract.normalise(pixels(64)))
    assert "more than average a map" in network.obstacle
    assert not network.pools_linearly
    with torch.no_grad():
        found = network.head(network(images).features)
        torch.testing.assert_close(found, net(images), rtol=1e-3, atol=1e-4)


def test_a_sigmoid_is_two_classes() -> None:
    chain = body().then("GlobalAveragePool").then("Flatten")
    model = chain.then("Gemm", WEIGHT[:1], BIAS[:1], transB=1).then("Sigmoid").model()
    network = GraphNetwork(Graph(model), PLAIN, "binary")
    images = PLAIN.normalise(pixels(SIDE))
    found = torch.from_numpy(sums(network, images)).softmax(1)[:, 1:]
    np.testing.assert_allclose(found, own(model, images), rtol=1e-5)


def test_probabilities_are_explained_by_their_logarithm() -> None:
    chain = pooled(body()).then("Exp", name="e")
    total = chain.then("ReduceSum", np.array([1])).last
    chain.last = "e"
    model = chain.then("Div", total).model()
    network = GraphNetwork(Graph(model), PLAIN, "written out")
    images = PLAIN.normalise(pixels(SIDE))
    with torch.no_grad():
        logits = network.head(network(torch.from_numpy(images)).features)
    np.testing.assert_allclose(logits.softmax(1), own(model, images), rtol=1e-5)


def test_half_precision_within_its_own_rounding() -> None:
    half = Chain(opset=13).then("Cast", to=TensorProto.FLOAT16)
    half.then("Conv", KERNEL.astype(np.float16), strides=[2, 2]).then("Relu")
    half.then("GlobalAveragePool").then("Flatten")
    model = half.then("Gemm", WEIGHT.astype(np.float16), BIAS.astype(np.float16), transB=1).model()
    network = GraphNetwork(Graph(model), PLAIN, "half")
    assert network.obstacle == ""
    np.testing.assert_allclose(network.head.weight, WEIGHT, atol=5e-3)


def front(*steps: tuple[str, float]) -> Chain:
    chain = Chain().then("Cast", to=TensorProto.FLOAT)
    for operator, value in steps:
        chain.then(operator, np.float32(value))
    return chain


RANGES: dict[str, tuple[Callable[[], Chain], str | None]] = {
    "rescaled": (lambda: front(("Mul", 1 / 127.5), ("Add", -1)), "pixels"),
    "normalised pixels": (lambda: front(("Sub", 124), ("Div", 58)), "pixels"),
    "less the mean": (lambda: front(("Sub", 104)), "pixels"),
    "normalised": (lambda: front(("Sub", 0.485), ("Div", 0.229)), "unit"),
    "doubled": (lambda: front(("Mul", 2), ("Sub", 1)), "unit"),
    "nothing said": (body, None),
}


@pytest.mark.parametrize("name", RANGES)
def test_the_range_that_a_graph_expects(name: str) -> None:
    made, expected = RANGES[name]
    assert Entrance.of(Graph(made().model())).range == expected


def test_bytes_are_pixels() -> None:
    chain = Chain().then("Cast", to=TensorProto.FLOAT)
    graph = Graph(chain.model(("b", 3, SIDE, SIDE), TensorProto.UINT8))
    entrance = Entrance.of(graph)
    assert entrance.range == "pixels"
    bytes_again = entrance.pictures(SCALINGS["pixels"].normalise(pixels(SIDE)))
    np.testing.assert_array_equal(bytes_again.transpose(0, 2, 3, 1), pixels(SIDE))


@pytest.mark.parametrize("shape", [("b", 4, SIDE, SIDE), ("b", 3, SIDE, SIDE + 1)])
def test_other_pictures_are_refused(shape: Any) -> None:
    with pytest.raises(ExplanationError, match=r"expected \(b, 3, size, size\)"):
        Entrance.of(Graph(body().model(shape)))


def test_an_engine_runs_the_graph_itself() -> None:
    network = GraphNetwork(Graph(pooled(body()).model()), PLAIN, "pooled")
    assert onnx.load(backbone_graph(network)) == network.model
    other = GraphNetwork(Graph(flattened(body()).model()), PLAIN, "pooled")
    assert network.digest() != other.digest()
