"""Keras's models as networks to explain: on PyTorch's backend, or by their ONNX export."""

import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import Tensor, nn

from florascope.errors import ExplanationError, FlorascopeError
from florascope.nets.extractor import Images
from florascope.nets.graph_network import GraphNetwork
from florascope.nets.keras_models import application, is_front, leaves
from florascope.nets.onnx_parts import Graph, read_onnx
from florascope.nets.told import Told, contract
from florascope.nets.wrapped import WrappedNetwork
from florascope.preprocessing import SCALINGS, Preprocessing


class KerasModel(nn.Module):
    """A Keras model on PyTorch's backend, from (b, 3, H, W) to (b, K).

    Args:
        model: the model; its layers are modules.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model
        self._last = keras_shape(model)[-1] == 3

    def forward(self, images: Images) -> Tensor:
        """Scores, as in `predict`."""
        pictures = images.permute(0, 2, 3, 1) if self._last else images
        scores: Tensor = self.model(pictures, training=False)
        return scores


class KerasNetwork(WrappedNetwork):
    """A Keras model on PyTorch's backend, up to the features that its head reads.

    Args:
        model: the model.
        preprocessing: the contract of its input.
        name: what to call it.
    """

    def __init__(self, model: Any, preprocessing: Preprocessing, name: str) -> None:  # noqa: ANN401
        super().__init__(KerasModel(model), preprocessing)
        self.name = name

    def own_graph(self) -> onnx.ModelProto:
        """Export by Keras's own means: PyTorch's exporters fail on what watches the model.

        Raises:
            ExplanationError: it cannot be, or the graph's map is not the one that was found.
        """
        graph = GraphNetwork(
            Graph(keras_graph(self.net.model, self.preprocessing.size)),
            self.preprocessing,
            self.name,
        )
        if self.obstacle or graph.obstacle or graph.num_features != self.num_features:
            raise ExplanationError(f"{self.name} has no graph of its features", expected="a map")
        return graph.model


def keras_shape(model: Any) -> tuple[int | None, ...]:  # noqa: ANN401
    """Return (None, H, W, 3) or (None, 3, H, W), as a Keras model takes pictures.

    Raises:
        ExplanationError: it takes none.
    """
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == 4 and 3 in {shape[1], shape[3]}:
        return shape
    raise ExplanationError(
        f"the Keras model takes inputs of shape {shape}",
        expected="pictures: (None, height, width, 3)",
        fix=_way_in(shape),
    )


def _way_in(shape: object) -> str:
    """Say how a Keras model that takes no colour pictures may yet take photos."""
    if shape is None:
        return "Build it first, by calling it on a batch"
    if not (isinstance(shape, tuple) and len(shape) == 4 and shape[3] == 1):
        return ""
    height, width = shape[1:3]
    return (
        "It looks at grey pictures: hand over"
        f" keras.Sequential([keras.Input(({height}, {width}, 3)),"
        " keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=keras.initializers.Constant("
        "[[0.299], [0.587], [0.114]])), model])"
    )


def keras_contract(model: Any, told: Told, name: str) -> Preprocessing:  # noqa: ANN401
    """Photos are squashed to the model's size, as image_dataset_from_directory does."""
    shape = keras_shape(model)
    height, width = shape[1:3] if shape[-1] == 3 else shape[2:]
    if height != width:
        raise ExplanationError(
            f"{name} takes pictures of {height} x {width} pixels", expected="square ones"
        )
    squash = {"crop_mode": "squash", "crop_pct": 1.0}
    return contract({**squash, **told.settings}, height, _keras_scaling(model), name)


def _keras_scaling(model: Any) -> Preprocessing | None:  # noqa: ANN401
    """Return what a model expects: by its own scaling layer, or the application in it."""
    for layer in filter(is_front, leaves(model)):
        kind = type(layer).__name__
        if kind == "Rescaling":
            return SCALINGS["pixels" if np.abs(layer.scale).mean() < 0.1 else "unit"]
        if kind == "Normalization":
            return SCALINGS["pixels" if float(abs(layer.mean).max()) > 2 else "unit"]
    return application(model)[1]


def keras_graph(model: Any, size: int) -> onnx.ModelProto:  # noqa: ANN401
    """Export a Keras model by Keras's own means.

    Args:
        model: the model.
        size: of the pictures that it is tried on.

    Raises:
        ExplanationError: it cannot.
    """
    last = keras_shape(model)[-1] == 3
    shape = (1, size, size, 3) if last else (1, 3, size, size)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        try:
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                model(
                    np.zeros(shape, np.float32), training=False
                )  # the exporter wants a called one
                model.export(path, format="onnx", verbose=False)
            return read_onnx(path)
        except FlorascopeError:
            raise
        except Exception as error:  # the exporters raise many kinds
            raise ExplanationError(
                f"Keras cannot export {model.name} to ONNX ({str(error).splitlines()[0]})",
                expected="a model of layers that ONNX knows",
            ) from error
