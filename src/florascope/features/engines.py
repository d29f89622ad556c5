"""Engines that run a frozen backbone, and which one this machine takes."""

import copy
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal, Self

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from florascope.bundle.runtime import open_session, quiet_options
from florascope.errors import FlorascopeError
from florascope.nets.extractor import FeatureExtractor
from florascope.nets.onnx_graph import backbone_graph
from florascope.parallel import CPU_BATCH
from florascope.preprocessing import Preprocessing

Runtime = Literal["onnxruntime", "openvino", "torch"]
Precision = Literal["32", "bf16"]

VARIABLE = "FLORASCOPE_ENGINE"


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides which engine is the fastest.

    Attributes:
        gpu: the name of a CUDA GPU, or "".
        bfloat16: whether the CPU multiplies bfloat16 in hardware (AMX or AVX512_BF16).
        openvino: whether OpenVINO is installed.
    """

    gpu: str
    bfloat16: bool
    openvino: bool

    @classmethod
    def here(cls) -> Self:
        """Look at this machine."""
        import torch

        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
        bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001
        return cls(gpu, bool(bfloat16), find_spec("openvino") is not None)


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """An engine, its precision and the reason.

    Attributes:
        runtime: who computes.
        precision: "32" for float32, "bf16" for products of bfloat16.
        reason: a sentence for people.
    """

    runtime: Runtime
    precision: Precision
    reason: str

    @property
    def name(self) -> str:
        """How FLORASCOPE_ENGINE spells it."""
        return self.runtime if self.precision == "32" else f"{self.runtime}-{self.precision}"


EXACT = RuntimeChoice(
    "onnxruntime", "32", "float32 in ONNX Runtime, which also answers from bundles"
)
"""For all that speaks of a finished classifier: it is measured as it will answer."""

NAMED: dict[str, tuple[Runtime, Precision]] = {
    "onnxruntime": ("onnxruntime", "32"),
    "openvino": ("openvino", "32"),
    "openvino-bf16": ("openvino", "bf16"),
    "torch": ("torch", "32"),
    "torch-bf16": ("torch", "bf16"),
}
FASTEST = {"fast", "auto"}  # "auto": its name before 0.3


def asks_for_fastest(wanted: str | None = None) -> bool:
    """Whether the fastest engine is asked for, by a name or by FLORASCOPE_ENGINE."""
    return (wanted or os.environ.get(VARIABLE)) in FASTEST


def choose_runtime(machine: Machine | None = None, wanted: str | None = None) -> RuntimeChoice:
    """Choose the engine that embeds photos for training: the exact one, unless told otherwise.

    bfloat16 moves features by some hundredths: figures would be those of another network than the
    one that answers. Speed at that price is asked for, never taken.

    Args:
        machine: this one where none is given.
        wanted: a name in NAMED, or "fast" for the fastest; FLORASCOPE_ENGINE where none is given.

    Raises:
        FlorascopeError: what is wanted is unknown, or cannot run here.
    """
    reason = "it was asked for" if wanted else f"{VARIABLE} asks for it"
    wanted = wanted or os.environ.get(VARIABLE)
    if not wanted:
        return EXACT
    machine = machine or Machine.here()
    if asks_for_fastest(wanted):
        return _fastest(machine)
    if wanted not in NAMED:
        raise FlorascopeError(
            f"no engine is called {wanted!r}", expected=f"fast or one of {', '.join(NAMED)}"
        )
    runtime, precision = NAMED[wanted]
    if runtime == "openvino" and not machine.openvino:
        raise FlorascopeError(
            f"the engine {wanted!r} is OpenVINO's, which is not installed",
            fix="Install it: pip install florascope[fast]",
        )
    return RuntimeChoice(runtime, precision, reason)


def _fastest(machine: Machine) -> RuntimeChoice:
    if machine.gpu:
        return RuntimeChoice("torch", "bf16", f"there is a GPU ({machine.gpu})")
    if machine.openvino and machine.bfloat16:
        return RuntimeChoice(
            "openvino",
            "bf16",
            "this CPU multiplies bfloat16 in hardware, about twice as fast as float32",
        )
    if machine.bfloat16:
        return RuntimeChoice(
            "onnxruntime",
            "32",
            "OpenVINO, which would use this CPU's bfloat16, is not installed"
            " (pip install florascope[fast])",
        )
    return RuntimeChoice(
        "onnxruntime", "32", "no GPU, and no bfloat16 in this CPU: ONNX Runtime is as fast as any"
    )


Batch = Float32[np.ndarray, "b 3 size size"]
Features = Float32[np.ndarray, "b c"]
Map = Float32[np.ndarray, "b c h w"]
Network = Callable[[Batch], Features]
"""A backbone in one runtime; safe to call from several threads at once."""

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

    def __init__(self, backbone: FeatureExtractor, choice: RuntimeChoice = EXACT) -> None:
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


def _open(backbone: FeatureExtractor, choice: RuntimeChoice) -> Network:
    """Import one runtime only: each takes its time."""
    if choice.runtime == "openvino":
        return OpenVino(backbone, choice.precision)
    if choice.runtime == "torch":
        return Torch(backbone, choice.precision)

    return OnnxRuntime(backbone)


class Torch:
    """Runs the network eagerly, its tensors laid out channels last.

    Args:
        backbone: the network; copied.
        precision: "32", or "bf16" for products of bfloat16 (features come back as float32).
    """

    def __init__(self, backbone: FeatureExtractor, precision: Precision) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._half = precision == "bf16"
        network: nn.Module = copy.deepcopy(backbone).eval().to(self._device)
        self._network = network.to(memory_format=torch.channels_last)

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a normalised batch."""
        images = torch.from_numpy(batch).to(self._device, non_blocking=True)
        images = images.contiguous(memory_format=torch.channels_last)
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._half),
        ):
            features: Features = self._network(images).features.float().cpu().numpy()
        return features


class OnnxRuntime:
    """Runs the ONNX graph that bundles carry; exported once, cached by its weights.

    Args:
        backbone: the network.
        threads: of each pass; 1 where the callers' threads are the parallelism, 0 for all cores.

    Raises:
        FlorascopeError: PyTorch cannot export the network.
    """

    def __init__(self, backbone: FeatureExtractor, threads: int = 1) -> None:
        graph = str(backbone_graph(backbone))
        self._session: Any = open_session(graph, quiet_options(threads))

    def __call__(self, batch: Batch) -> Features:
        """Pooled features of a normalised batch."""
        features: Features
        (features,) = self._session.run(["features"], {"image": batch})
        return features

    def embed(self, batch: Batch) -> tuple[Map, Features]:
        """Feature map and pooled features of a normalised batch."""
        feature_map, features = self._session.run(["map", "features"], {"image": batch})
        return feature_map, features


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

    def __init__(self, backbone: FeatureExtractor, precision: Precision) -> None:
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
    import openvino as ov  # the extra `fast`, which training does without

    return ov.Core()


def _model(backbone: FeatureExtractor) -> Any:  # noqa: ANN401 (OpenVINO's model)
    """Read the graph that bundles carry, less its map."""
    from openvino import Model

    whole = _core().read_model(backbone_graph(backbone))
    return Model([whole.output("features")], whole.get_parameters())
