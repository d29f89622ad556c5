"""Weights kept in half precision: a bundle of half the size, computed with in single precision."""

import copy
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from florascope.model.classifier import Classifier

EXACT = ("cam.weight", "means")
"""Weights derived from others or from photos: rounding these would break what they promise."""


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

    ONNX Runtime folds the casts away, so that a session is as fast as without. For a `rounded`
    classifier nothing is lost.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    casts = [_halve(tensor) for tensor in graph.initializer if _is_large(tensor)]
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(small)
    return small


def _is_large(tensor: Any) -> bool:  # noqa: ANN401 (protobuf)
    single = tensor.data_type == TensorProto.FLOAT
    return single and len(tensor.dims) > 1 and tensor.name not in EXACT


def _halve(tensor: Any) -> Any:  # noqa: ANN401 (protobuf)
    """Shrink an initializer under another name; return the cast that gives the old one."""
    name = tensor.name
    values = numpy_helper.to_array(tensor).astype(np.float16)
    tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
    return helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.cast", to=TensorProto.FLOAT)
