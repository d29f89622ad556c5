"""The frozen backbone at inference speed, by the engine that was chosen."""

import hashlib
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from jaxtyping import Float32

from florascope.model.backbone import Backbone
from florascope.model.preprocessing import Preprocessing
from florascope.training.engine_choice import EXACT, Choice

Batch = Float32[np.ndarray, "b 3 size size"]
Features = Float32[np.ndarray, "b c"]
Network = Callable[[Batch], Features]
"""A backbone in one runtime; safe to call from several threads at once."""

CPU_BATCH = 4  # small enough to stay in the CPU's cache: a fifth more photos a second than with 16
GPU_BATCH = 256


class Engine:
    """Embeds normalised batches; safe to call from several threads at once.

    The network is brought into its runtime by the first call: where features lie in the cache,
    that time is never spent.

    Args:
        backbone: the network; it must keep its weights.
        choice: who computes, and how exactly; `engine_choice.choose` finds the fastest.

    Attributes:
        batch: photos a call that keep the hardware busy.
    """

    def __init__(self, backbone: Backbone, choice: Choice = EXACT) -> None:
        self.choice = choice
        self.preprocessing: Preprocessing = backbone.preprocessing
        self.num_features = backbone.num_features
        self.batch = GPU_BATCH if choice.runtime == "torch" else CPU_BATCH
        self._weights = f"{backbone.digest()}-{self.preprocessing.size}"
        self._backbone = backbone
        self._network: Network | None = None
        self._opening = threading.Lock()

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a batch.

        Raises:
            FlorascopeError: the network cannot be brought into the chosen runtime.
        """
        with self._opening:
            if self._network is None:
                self._network = _open(self._backbone, self.choice)
        return self._network(batch)

    def digest(self) -> str:
        """Key of everything that decides the features: weights, preprocessing, engine, version."""
        name = self.choice.runtime
        text = f"{self._weights} {self.preprocessing} {self.choice.name} {_version(name)}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _version(runtime: str) -> str:
    """A package's version, without importing it where its distribution has the same name."""
    try:
        return version(runtime)
    except PackageNotFoundError:  # onnxruntime-gpu, say
        return str(import_module(runtime).__version__)


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
