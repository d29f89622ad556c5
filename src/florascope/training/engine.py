"""The frozen backbone at inference speed: ONNX Runtime on the CPU."""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime as ort
from jaxtyping import Float32

from florascope.model.backbone import Backbone
from florascope.model.onnx_graph import backbone_graph
from florascope.model.preprocessing import Preprocessing

Batch = Float32[np.ndarray, "b 3 size size"]


class Engine:
    """Embeds normalised batches; safe to call from several threads at once.

    Args:
        backbone: the network; exported once and cached by its weights.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.preprocessing: Preprocessing = backbone.preprocessing
        self.num_features = backbone.num_features
        graph = backbone_graph(backbone)
        self._key = graph.stem
        self._session = _session(graph)

    def __call__(self, batch: Batch) -> Float32[np.ndarray, "b c"]:
        """Pooled features of a batch."""
        features: Float32[np.ndarray, "b c"]
        (features,) = self._session.run(["features"], {"image": batch})
        return features

    def digest(self) -> str:
        """Key of everything that decides the features: weights, preprocessing, engine version."""
        text = f"{self._key} {self.preprocessing} onnxruntime {ort.__version__}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _session(graph: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the callers' threads are the parallelism
    options.log_severity_level = 3
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
