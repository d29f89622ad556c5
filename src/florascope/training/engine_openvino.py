"""A backbone in OpenVINO on the CPU, converted from PyTorch without a detour through ONNX."""

import os
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn

from florascope.errors import FlorascopeError
from florascope.files import cache_dir, new_folder
from florascope.model.backbone import Backbone, Images
from florascope.model.evaluating import evaluating
from florascope.training.engine import Batch, Features
from florascope.training.engine_choice import Precision

HINTS = {"32": "f32", "bf16": "bf16"}


class OpenVino:
    """Runs the network in one stream a core; each calling thread has a request of its own.

    Args:
        backbone: the network; traced, so that its convolutions and BatchNorms become one.
        precision: "32", or "bf16" for products of bfloat16 (features come back as float32).

    Raises:
        FlorascopeError: OpenVINO cannot convert the network.
    """

    def __init__(self, backbone: Backbone, precision: Precision) -> None:
        cores = os.cpu_count() or 1
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": cores,  # each batch on one core: no waiting for one another
            "ENABLE_CPU_PINNING": False,  # the callers' threads decode meanwhile
        }
        self._own = threading.local()
        self._compiled: Any = _core().compile_model(_model(backbone), "CPU", settings)

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a normalised batch."""
        answer = self._request().infer([batch], share_inputs=True)
        return np.array(answer[0])

    def _request(self) -> Any:  # noqa: ANN401 (OpenVINO's request)
        """Return this thread's own request: one serves one thread at a time."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        return self._own.request


@cache
def _core() -> Any:  # noqa: ANN401 (OpenVINO's core)
    """Return the one core of this process, which lives as long.

    Each core's CPU plugin puts a signal stack of its own in the place of the last, and puts that
    back when it goes. Cores that go in another order than the reverse would leave the stack of one
    that is gone, and the next signal with a handler would end the process (SIGSEGV).
    """
    return ov.Core()


class _Pooled(nn.Module):
    """A backbone's features alone."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Images) -> Tensor:
        features: Tensor = self.backbone(images).features
        return features


def _model(backbone: Backbone) -> Path:
    """Convert once for equal weights: both precisions read the same file."""
    path = cache_dir() / "graphs" / f"{backbone.digest()}-{backbone.preprocessing.size}.openvino"
    if not path.is_dir():
        with new_folder(path) as draft:
            ov.save_model(_converted(backbone), draft / "model.xml", compress_to_fp16=False)
    return path / "model.xml"


def _converted(backbone: Backbone) -> Any:  # noqa: ANN401 (OpenVINO's model)
    size = backbone.preprocessing.size
    try:
        with evaluating(backbone), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # tracing is deprecated, and what OpenVINO does
            network = _Pooled(backbone).eval()
            model = ov.convert_model(network, example_input=torch.zeros(2, 3, size, size))
            model.reshape([-1, 3, size, size])
            return model
    except Exception as error:  # the converter raises many kinds
        raise FlorascopeError(
            f"OpenVINO cannot convert {backbone.name} ({type(error).__name__})",
            fix="Use another engine: FLORASCOPE_ENGINE=onnxruntime",
        ) from error
