"""A backbone in ONNX Runtime on the CPU, in float32: the reference."""

from typing import Any

import onnxruntime as ort

from florascope.model.backbone import Backbone
from florascope.model.onnx_graph import backbone_graph
from florascope.training.engine import Batch, Features


class OnnxRuntime:
    """Runs the ONNX graph that bundles carry; exported once, cached by its weights.

    Raises:
        FlorascopeError: PyTorch cannot export the network.
    """

    def __init__(self, backbone: Backbone) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # the callers' threads are the parallelism
        options.log_severity_level = 3
        self._session: Any = ort.InferenceSession(
            str(backbone_graph(backbone)), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a normalised batch."""
        features: Features
        (features,) = self._session.run(["features"], {"image": batch})
        return features
