"""Weights kept in half precision: a bundle of half the size, computed with in single precision."""

import copy
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from florascope.model.classifier import Classifier

ROUNDING = 1e-6  # relative; float32 has 6e-8


def rounded(classifier: Classifier) -> Classifier:
    """Return a copy whose convolution and linear weights are float16 numbers, still as float32.

    Biases and norms keep their precision: they are few, and a variance near 1 would move.
    """
    twin = copy.deepcopy(classifier)
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.ndim > 1:
                parameter.copy_(parameter.half().float())
    return twin


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
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
