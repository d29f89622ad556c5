"""A classifier written as a bundle, in full or half precision, and read again."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save
from torch import Tensor

from florascope.bundle import config as bundle
from florascope.bundle.config import BundleConfig, read_config
from florascope.bundle.onnx_check import check_graph
from florascope.bundle.participation import Participation, write_participation
from florascope.calibration.calibration import Calibrated, Calibration
from florascope.errors import BundleError, WeightsError
from florascope.files import json_text, new_folder
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.graph_network import GraphNetwork
from florascope.nets.onnx_graph import classifier_graph
from florascope.nets.onnx_parts import Graph
from florascope.nets.weights import check_header, load_state, read_state
from florascope.nets.wrapped import with_head

ROUNDING = 1e-6  # relative; float32 has 6e-8


def round_to_half(classifier: Classifier) -> Classifier:
    """Return a copy whose convolution and linear weights are float16 numbers, still as float32.

    Biases and norms keep their precision: they are few, and a variance near 1 would move.
    """
    twin = copy.deepcopy(classifier)
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.ndim > 1:
                parameter.copy_(parameter.half().float())
    return twin


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph that stores its weights in float16 and casts them when it is loaded.

    ONNX Runtime folds the casts away, so that a session is as fast as without. Only what float16
    keeps is halved, so that nothing is lost: of a `rounded` classifier the weights that no
    BatchNorm scales, which after fine-tuning are all of them.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    casts = [_halve(tensor) for tensor in graph.initializer if _fits(tensor)]
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(small)
    return small


def _fits(tensor: Any) -> bool:  # noqa: ANN401 (protobuf)
    """Whether an initializer holds weights that float16 keeps, up to float32's own rounding.

    Weights into which the exporter has folded a BatchNorm's scale do not, and stay as they are.
    """
    if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
        return False
    values = numpy_helper.to_array(tensor)
    kept = values.astype(np.float16).astype(np.float32)
    return bool((np.abs(kept - values) <= ROUNDING * np.abs(values)).all())


def _halve(tensor: Any) -> Any:  # noqa: ANN401 (protobuf)
    """Shrink an initializer under another name; return the cast that gives the old one."""
    name = tensor.name
    values = numpy_helper.to_array(tensor).astype(np.float16)
    tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
    return helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT)


def save_bundle(
    classifier: Classifier,
    path: Path,
    provenance: dict[str, Any],
    card: str = "",
    calibrated: Calibrated | None = None,
    *,
    half: bool = False,
    participation: Participation | None = None,
) -> BundleConfig:
    """Write a bundle, wholly or not at all, replacing one that is there.

    Args:
        classifier: the network; moved to nothing, changed in nothing.
        path: the bundle's folder.
        provenance: JSON values that say how the classifier came to be.
        card: the model card, Markdown.
        calibrated: what verdicts rest on; its class means go into the graph.
        half: store the weights in half precision, rounding them first; see `round_to_half`.
        participation: which photos trained, selected and measured the classifier.

    Returns:
        The configuration that was written.
    """
    with new_folder(path) as draft:
        return fill_bundle(
            classifier,
            draft,
            provenance,
            card,
            calibrated,
            half=half,
            participation=participation,
        )


def fill_bundle(
    classifier: Classifier,
    folder: Path,
    provenance: dict[str, Any],
    card: str = "",
    calibrated: Calibrated | None = None,
    *,
    half: bool = False,
    participation: Participation | None = None,
) -> BundleConfig:
    """Write a bundle's files into a folder, such as a draft; see `save_bundle`."""
    config = _config(classifier, provenance, calibrated.calibration if calibrated else None)
    kept = round_to_half(classifier) if half else classifier
    graph = classifier_graph(kept, *(calibrated[1:] if calibrated else ()))
    graph = to_half(graph) if half else graph
    text = json_text(config.to_json(), indent=2)
    (folder / bundle.CONFIG).write_text(text + "\n", encoding="utf-8")
    if config.architecture != bundle.ONNX:
        state = _halved(kept) if half else _state(kept)
        # not save_file, which reports a full disk as its own kind of error
        (folder / bundle.WEIGHTS).write_bytes(save(state, metadata={"format": "pt"}))
    (folder / bundle.GRAPH).write_bytes(graph.SerializeToString())
    (folder / bundle.CARD).write_text(card, encoding="utf-8")
    if participation is not None:
        write_participation(participation, folder)
    return config


def load_classifier(path: Path) -> Classifier:
    """Read a bundle's network, in eval mode.

    Raises:
        BundleError: the folder is no bundle, or its weights do not fit its config.
    """
    config = read_config(path)
    if config.architecture == bundle.ONNX:
        return _from_graph(path, config)
    weights = bundle.own_file(path, bundle.WEIGHTS, bundle.MAX_WEIGHTS)
    try:
        check_header(weights, config.architecture, config.model_args)
        backbone = Backbone(config.architecture, config.preprocessing, config.model_args)
        classifier = Classifier(backbone, config.classes)
        _load(classifier, read_state(weights), str(path))
    except WeightsError as error:
        raise BundleError(
            f"the bundle {path} is damaged: {error}", fix="Copy it anew, or train it again"
        ) from error
    _check_claims(config, backbone, path)
    return classifier.eval()


def _from_graph(path: Path, config: BundleConfig) -> Classifier:
    """Read a network that was made elsewhere from its graph."""
    data = bundle.read_own_file(path, bundle.GRAPH, bundle.MAX_GRAPH)
    check_graph(data, config, str(path / bundle.GRAPH))
    graph = Graph(onnx.load_from_string(data))
    backbone = GraphNetwork(graph, config.preprocessing, path.name)
    return with_head(backbone, backbone.head, None, config.classes)


def _check_claims(config: BundleConfig, backbone: Backbone, path: Path) -> None:
    found = (backbone.num_features, backbone.classifier_name)
    claimed = (config.num_features, config.classifier)
    if found != claimed:
        raise BundleError(
            f"the bundle {path} claims {claimed[0]} features and a classifier {claimed[1]!r}",
            expected=f"{found[0]} and {found[1]!r}, as {backbone.name} has",
        )


def _config(
    classifier: Classifier, provenance: dict[str, Any], calibration: Calibration | None
) -> BundleConfig:
    backbone = classifier.backbone
    known = None if isinstance(backbone, GraphNetwork) else _known_to_timm(classifier)
    return BundleConfig(
        architecture=known.name if known else bundle.ONNX,
        model_args=known.model_args if known else {},
        classifier=known.classifier_name if known else "head",
        num_features=backbone.num_features,
        classes=classifier.classes,
        preprocessing=classifier.preprocessing,
        provenance=provenance,
        calibration=calibration,
    )


def _known_to_timm(classifier: Classifier) -> Backbone:
    """Return a backbone that timm can make again from its name.

    Raises:
        BundleError: it is that of a wrapped network, which only its own code can make.
    """
    if isinstance(classifier.backbone, Backbone):
        return classifier.backbone
    raise BundleError(
        f"{classifier.backbone.name} is no network of timm's",
        expected="a classifier on a timm backbone, which a bundle names",
        fix="Train one with florascope.train, or keep the network with PyTorch's own means",
    )


def _state(classifier: Classifier) -> dict[str, Tensor]:
    """All weights in timm's names and shapes."""
    backbone, head = _known_to_timm(classifier), classifier.head
    state = {
        **backbone.net.state_dict(),
        f"{backbone.classifier_name}.weight": head.weight.reshape(-1, *backbone.head_shape),
        f"{backbone.classifier_name}.bias": head.bias,
    }
    return {key: value.detach().contiguous().clone() for key, value in state.items()}


def _halved(classifier: Classifier) -> dict[str, Tensor]:
    return {k: v.half() if v.ndim > 1 else v for k, v in _state(classifier).items()}


def _load(classifier: Classifier, state: dict[str, Tensor], source: str) -> None:
    backbone, classes = _known_to_timm(classifier), len(classifier.classes)
    wanted = {
        f"{backbone.classifier_name}.weight": (classes, *backbone.head_shape),
        f"{backbone.classifier_name}.bias": (classes,),
    }
    found = {key: tuple(state[key].shape) for key in wanted if key in state}
    if found != wanted:
        raise WeightsError(f"classifier of shapes {found} in {source}", expected=f"{wanted}")
    weight, bias = (state.pop(key) for key in wanted)
    load_state(backbone, state, source)
    classifier.set_head(weight.flatten(1), bias)
