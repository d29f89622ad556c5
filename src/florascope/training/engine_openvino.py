"""A backbone in OpenVINO on the CPU."""

import os
import threading
from functools import cache
from typing import Any

import numpy as np
import openvino as ov

from florascope.model.backbone import Backbone
from florascope.model.onnx_graph import backbone_graph
from florascope.training.engine import Batch, Features
from florascope.training.engine_choice import Precision

HINTS = {"32": "f32", "bf16": "bf16"}


class OpenVino:
    """Runs the ONNX graph that bundles carry in one stream a core.

    Each calling thread has a request of its own.

    Args:
        backbone: the network.
        precision: "32", or "bf16" for products of bfloat16 (features come back as float32).

    Raises:
        FlorascopeError: PyTorch cannot export the network.
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


def _model(backbone: Backbone) -> Any:  # noqa: ANN401 (OpenVINO's model)
    """Read the graph that bundles carry, less its map."""
    whole = _core().read_model(backbone_graph(backbone))
    return ov.Model([whole.output("features")], whole.get_parameters())
