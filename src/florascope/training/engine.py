"""The frozen backbone at inference speed, by the engine that was chosen."""

import hashlib
from collections.abc import Callable
from importlib import import_module

import numpy as np
from jaxtyping import Float32

from florascope.model.backbone import Backbone
from florascope.model.preprocessing import Preprocessing
from florascope.training.engine_choice import EXACT, Choice

Batch = Float32[np.ndarray, "b 3 size size"]
Features = Float32[np.ndarray, "b c"]
Network = Callable[[Batch], Features]
"""A backbone in one runtime; safe to call from several threads at once."""

CPU_BATCH = 16  # small enough to stay in the CPU's cache, large enough to keep it busy
GPU_BATCH = 256


class Engine:
    """Embeds normalised batches; safe to call from several threads at once.

    Args:
        backbone: the network.
        choice: who computes, and how exactly; `engine_choice.choose` finds the fastest.

    Attributes:
        batch: photos a call that keep the hardware busy.

    Raises:
        FlorascopeError: the network cannot be brought into the chosen runtime.
    """

    def __init__(self, backbone: Backbone, choice: Choice = EXACT) -> None:
        self.choice = choice
        self.preprocessing: Preprocessing = backbone.preprocessing
        self.num_features = backbone.num_features
        self.batch = GPU_BATCH if choice.runtime == "torch" else CPU_BATCH
        self._weights = f"{backbone.digest()}-{self.preprocessing.size}"
        self._network = _open(backbone, choice)

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a batch."""
        return self._network(batch)

    def digest(self) -> str:
        """Key of everything that decides the features: weights, preprocessing, engine, version."""
        version = import_module(self.choice.runtime).__version__
        text = f"{self._weights} {self.preprocessing} {self.choice.name} {version}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _open(backbone: Backbone, choice: Choice) -> Network:
    """Import one runtime only: each takes its time."""
    if choice.runtime == "openvino":
        from florascope.training.engine_openvino import OpenVino

        return OpenVino(backbone, choice.precision)
    if choice.runtime == "torch":
        from florascope.training.engine_torch import Torch

        return Torch(backbone, choice.precision)
    from florascope.training.engine_onnxruntime import OnnxRuntime

    return OnnxRuntime(backbone)
