"""Which engine embeds photos on this machine, in which precision, and why."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, Self

from florascope.errors import FlorascopeError

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
class Choice:
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


EXACT = Choice("onnxruntime", "32", "float32 in ONNX Runtime, which also answers from bundles")
"""For all that speaks of a finished classifier: it is measured as it will answer."""

NAMED: dict[str, tuple[Runtime, Precision]] = {
    "onnxruntime": ("onnxruntime", "32"),
    "openvino": ("openvino", "32"),
    "openvino-bf16": ("openvino", "bf16"),
    "torch": ("torch", "32"),
    "torch-bf16": ("torch", "bf16"),
}


def choose(machine: Machine | None = None, wanted: str | None = None) -> Choice:
    """Choose the engine that embeds photos for training: the exact one, unless told otherwise.

    bfloat16 moves features by some hundredths: figures would be those of another network than the
    one that answers. Speed at that price is asked for, never taken.

    Args:
        machine: this one where none is given.
        wanted: a name in NAMED, or "auto" for the fastest; FLORASCOPE_ENGINE where none is given.

    Raises:
        FlorascopeError: what is wanted is unknown, or cannot run here.
    """
    wanted = wanted or os.environ.get(VARIABLE)
    if not wanted:
        return EXACT
    machine = machine or Machine.here()
    if wanted == "auto":
        return _fastest(machine)
    if wanted not in NAMED:
        raise FlorascopeError(f"{VARIABLE}={wanted}", expected=f"auto or one of {', '.join(NAMED)}")
    runtime, precision = NAMED[wanted]
    if runtime == "openvino" and not machine.openvino:
        raise FlorascopeError(
            f"{VARIABLE}={wanted}, and OpenVINO is not installed",
            fix="Install it: pip install florascope[fast]",
        )
    return Choice(runtime, precision, f"{VARIABLE} asks for it")


def _fastest(machine: Machine) -> Choice:
    if machine.gpu:
        return Choice("torch", "bf16", f"there is a GPU ({machine.gpu})")
    if machine.openvino and machine.bfloat16:
        return Choice(
            "openvino",
            "bf16",
            "this CPU multiplies bfloat16 in hardware, about twice as fast as float32",
        )
    if machine.bfloat16:
        return Choice(
            "onnxruntime",
            "32",
            "OpenVINO, which would use this CPU's bfloat16, is not installed"
            " (pip install florascope[fast])",
        )
    return Choice(
        "onnxruntime", "32", "no GPU, and no bfloat16 in this CPU: ONNX Runtime is as fast as any"
    )
