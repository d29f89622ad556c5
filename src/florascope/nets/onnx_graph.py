"""The ONNX graph of a classifier: image -> logits, cam, features."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import Means
from florascope.errors import FlorascopeError
from florascope.files import cache_dir, new_file
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import FeatureExtractor, evaluating

OUTPUTS = ["map", "features"]
OPSET = 20
TOLERANCE = 1e-3  # relative to the largest output: float rounding through some fifty layers


def backbone_graph(backbone: FeatureExtractor) -> Path:
    """Export a backbone to ONNX (image -> map, features), once for equal weights.

    Returns:
        A file in the cache, named by the backbone's digest and input size.

    Raises:
        FlorascopeError: PyTorch cannot export the network.
    """
    size = backbone.preprocessing.size
    path = cache_dir() / "graphs" / f"{backbone.digest()}-{size}.onnx"
    if not path.is_file():
        with new_file(path) as draft:
            model = backbone.own_graph() or _export(backbone)
            draft.write_bytes(model.SerializeToString())
    return path


def classifier_graph(
    classifier: Classifier, means: Means | None = None, ratio: LikelihoodRatio | None = None
) -> onnx.ModelProto:
    """Return the whole classifier as ONNX.

    Input "image" (b, 3, size, size) float32, normalised. Outputs "logits" (b, K), "features"
    (b, c); where the backbone pools linearly, "cam" (b, K, h, w) in logit units: the sum of a
    class's map plus its bias is its logit; with class means (K, c) of length 1, "similarities"
    (b, K), the cosine of the angle between the features and each mean; with a likelihood ratio,
    "ratios" (b, K).
    """
    model = onnx.load(backbone_graph(classifier.backbone))
    weight = classifier.head.weight.detach().numpy()
    _add_logits(model.graph, weight, classifier.head.bias.detach().numpy())
    feature_map = _output(model.graph, "map")
    if classifier.backbone.pools_linearly:
        places = np.float32(np.prod(_sides(feature_map)))
        _add_maps(model.graph, weight / places, feature_map)
    if means is not None:
        _add_similarities(model.graph, means)
    if ratio is not None:
        add_ratios(model.graph, ratio)
    model.graph.output.remove(feature_map)
    onnx.checker.check_model(model)
    return model


def _export(backbone: FeatureExtractor) -> onnx.ModelProto:
    try:
        with evaluating(backbone), _out_of_place(backbone):
            model = _traced(backbone)
    except FlorascopeError:
        raise
    except Exception as error:  # the exporter raises many kinds
        raise FlorascopeError(
            f"PyTorch cannot export {backbone.name} to ONNX ({type(error).__name__})",
            fix="Choose another backbone, such as mobilenetv2_100",
        ) from error
    del model.metadata_props[:]
    for node in model.graph.node:  # the exporter notes source paths of the machine
        del node.metadata_props[:]
        node.doc_string = ""
    return model


@contextmanager
def _out_of_place(net: nn.Module) -> Iterator[None]:
    """Let activations make new tensors: PyTorch exports the same graph in half the time."""
    changed = [vars(module) for module in net.modules() if vars(module).get("inplace")]
    for attributes in changed:
        attributes["inplace"] = False
    try:
        yield
    finally:
        for attributes in changed:
            attributes["inplace"] = True


def _traced(backbone: FeatureExtractor) -> onnx.ModelProto:
    """Take PyTorch's older exporter where it does well: it needs a tenth of the newer one's time.

    It records one forward pass, and a network that decides by shapes may have been recorded wrongly
    for other batches; PyTorch may also drop it one day.
    """
    with _quiet():
        with suppress(Exception):  # whatever it was, the newer exporter is asked
            model = _recorded(backbone)
            # One that works out its map's size while it runs ("same" padding) will not do.
            if all(_sides(_output(model.graph, "map"))) and _agree(backbone, model):
                return model
        if _agree(backbone, model := _captured(backbone)):
            return model
    raise FlorascopeError(
        f"PyTorch's ONNX graph of {backbone.name} answers otherwise than the network",
        expected=f"the same maps and features, within {TOLERANCE:g} of the largest",
        fix="Choose another backbone, such as mobilenetv2_100",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' reports and warnings of their own deprecation to themselves."""
    silence = io.StringIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(silence), redirect_stderr(silence):
        warnings.simplefilter("ignore")
        yield


def _recorded(backbone: FeatureExtractor) -> onnx.ModelProto:
    """Export by TorchScript."""
    file: Any = io.BytesIO()
    torch.onnx.export(
        backbone,
        (backbone.example(2),),
        file,
        input_names=["image"],
        output_names=OUTPUTS,
        dynamic_axes={name: {0: "batch"} for name in ("image", *OUTPUTS)},
        dynamo=False,
        opset_version=OPSET,
    )
    return onnx.load_from_string(file.getvalue())


def _captured(backbone: FeatureExtractor) -> onnx.ModelProto:
    """Export by `torch.export`."""
    program: Any = torch.onnx.export(
        backbone,
        (backbone.example(2),),
        input_names=["image"],
        output_names=OUTPUTS,
        dynamic_shapes=({0: "batch"},),
        dynamo=True,
        opset_version=OPSET,
        verbose=False,
    )
    model: onnx.ModelProto = program.model_proto
    return model


def _agree(backbone: FeatureExtractor, model: onnx.ModelProto) -> bool:
    """Compare an exported graph with the network, on more photos than it was made with."""
    images = backbone.example(3)
    with torch.no_grad():
        truth = backbone(images)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(OUTPUTS, {"image": images.numpy()})
    return all(
        a.shape == b.shape and np.abs(a.numpy() - b).max() <= TOLERANCE * a.abs().max().item()
        for a, b in zip(truth, found, strict=True)
    )


def _add_logits(graph: Any, weight: Any, bias: Any) -> None:  # noqa: ANN401 (protobuf)
    graph.initializer.append(numpy_helper.from_array(weight, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(bias, "head.bias"))
    graph.node.append(
        helper.make_node(
            "Gemm", ["features", "head.weight", "head.bias"], ["logits"], "head", transB=1
        )
    )
    shape = ["batch", len(bias)]
    graph.output.insert(0, helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape))


def _add_maps(graph: Any, weight: Any, feature_map: Any) -> None:  # noqa: ANN401 (protobuf)
    kernel = numpy_helper.from_array(weight[:, :, None, None], "cam.weight")
    graph.initializer.append(kernel)
    graph.node.append(helper.make_node("Conv", ["map", "cam.weight"], ["cam"], "cam"))
    shape = ["batch", len(weight), *_sides(feature_map)]
    graph.output.insert(1, helper.make_tensor_value_info("cam", TensorProto.FLOAT, shape))


def _add_similarities(graph: Any, means: Means) -> None:  # noqa: ANN401 (protobuf)
    graph.initializer.append(numpy_helper.from_array(means, "means"))
    _add_direction(graph)
    graph.node.append(
        helper.make_node("Gemm", ["direction", "means"], ["similarities"], "similarity", transB=1)
    )
    shape = ["batch", len(means)]
    graph.output.append(helper.make_tensor_value_info("similarities", TensorProto.FLOAT, shape))


def add_ratios(graph: Any, ratio: LikelihoodRatio) -> None:  # noqa: ANN401 (protobuf)
    """Add an output "ratios" (b, K) to a graph that has pooled features."""
    for name, values in vars(ratio).items():
        graph.initializer.append(numpy_helper.from_array(values, f"ratio.{name}"))
    if not any(node.name == "direction" for node in graph.node):
        _add_direction(graph)
    steps: tuple[tuple[str, list[str], str], ...] = (
        ("Gemm", ["direction", "ratio.axes", "ratio.shift"], "ratio.place"),
        ("Mul", ["ratio.place", "ratio.place"], "ratio.squared"),
        ("Gemm", ["ratio.squared", "ratio.square", "ratio.constant"], "ratio.curved"),
        ("Gemm", ["ratio.place", "ratio.linear", "ratio.curved"], "ratios"),
    )
    for operator, inputs, output in steps:
        how = {"transB": 1} if operator == "Gemm" else {}
        graph.node.append(helper.make_node(operator, inputs, [output], output, **how))
    shape = ["batch", len(ratio.constant)]
    graph.output.append(helper.make_tensor_value_info("ratios", TensorProto.FLOAT, shape))


def _add_direction(graph: Any) -> None:  # noqa: ANN401 (protobuf)
    graph.node.append(
        helper.make_node("LpNormalization", ["features"], ["direction"], "direction", axis=1, p=2)
    )


def _sides(feature_map: Any) -> list[int]:  # noqa: ANN401 (protobuf)
    """Return a map's height and width; 0 where they are not fixed."""
    return [dim.dim_value for dim in feature_map.type.tensor_type.shape.dim[2:]]


def _output(graph: Any, name: str) -> Any:  # noqa: ANN401 (protobuf)
    return next(o for o in graph.output if o.name == name)
