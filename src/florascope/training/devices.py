"""The device and precision of a training, and the layers that a CPU computes slowly."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from florascope.errors import TrainingError
from florascope.parallel import is_first_process

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def fabric_for(precision: str) -> "Fabric":
    """Return a Fabric for this process.

    Started by `torchrun --nproc-per-node N`, N processes share the work; without, one device does
    it, a GPU where there is one.

    Args:
        precision: "32", "bf16", "16" or "auto".

    Raises:
        TrainingError: 16-bit floats are asked for on a CPU.
    """
    from lightning_fabric import Fabric  # takes a good part of a second

    check_precision(precision, force=True)
    gpu = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    with _warnings_alone("lightning_fabric"):
        fabric = Fabric(
            accelerator="cuda" if gpu else "cpu",
            devices=local,
            num_nodes=world // local,
            strategy="ddp" if world > 1 else "auto",
            precision=PRECISIONS[_fitting(gpu=gpu) if precision == "auto" else precision],  # type: ignore[arg-type]
        )
        fabric.launch()
    return fabric


@contextmanager
def _warnings_alone(name: str) -> Iterator[None]:
    """Keep what is no warning from standard error, which notebooks show in red."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def check_precision(precision: str, *, force: bool = False) -> None:
    """Refuse, before any work is done, a precision that this machine's hardware lacks.

    Args:
        precision: see `fabric_for`.
        force: let a machine train in bfloat16 that has to imitate it.

    Raises:
        TrainingError: see above.
    """
    gpu = torch.cuda.is_available()
    if precision == "16" and not gpu:
        raise TrainingError(
            "precision=16 on a CPU",
            expected="a GPU for it",
            fix="Use `precision='bf16'` or `precision='32'`",
        )
    if precision == "bf16" and not force and not _multiplies_bfloat16(gpu=gpu):
        raise TrainingError(
            f"precision=bf16, and this {'GPU' if gpu else 'CPU'} does not multiply bfloat16: it"
            " would train many times slower than in float32",
            expected="a GPU since NVIDIA's Ampere, or a CPU with AVX512_BF16 or AMX",
            fix="Leave precision out, which takes what is fast here, or insist with `force=True`",
        )


def leave_to_first_process() -> None:
    """End this process, its part done, unless it is the one that writes and prints."""
    if not is_first_process():
        raise SystemExit(0)


def _fitting(*, gpu: bool) -> str:
    """Choose the precision that this machine's hardware multiplies in."""
    if _multiplies_bfloat16(gpu=gpu):
        return "bf16"
    return "16" if gpu else "32"


def _multiplies_bfloat16(*, gpu: bool) -> bool:
    if gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


class StridedDepthwise(nn.Conv2d):
    """A strided depthwise convolution that computes in float32 under autocast.

    oneDNN's bfloat16 gradient of such a convolution is several times slower than the float32 one.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (nn.Conv2d's name)
        """Convolve (b, c, H, W) in float32; the answer has the input's type."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float()).to(input.dtype)


class ChannelsLastReLU6(nn.ReLU6):
    """ReLU6 whose incoming gradient is brought into the layout of its input first.

    Elementwise gradients of tensors in two layouts are computed several times slower.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (nn.ReLU6's name)
        """Clip (b, c, H, W) to [0, 6]."""
        result: Tensor = _GradientLayout.apply(super().forward(input))
        return result


def recast(net: nn.Module) -> nn.Module:
    """Give a network's layers the classes above where they fit, in place, and return it.

    Parameters and their names stay. Measured with MobileNetV2 at 192 px, batches of 16, bfloat16
    on two cores with AMX: 1.5 times the photos a second.
    """
    for module in net.modules():
        if type(module) is nn.ReLU6:
            module.__class__ = ChannelsLastReLU6
        elif type(module) is nn.Conv2d and _strided_depthwise(module):
            module.__class__ = StridedDepthwise
    return net


def _strided_depthwise(conv: nn.Conv2d) -> bool:
    return 1 < conv.groups == conv.in_channels and max(conv.stride) > 1


class _GradientLayout(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, images: Tensor) -> Tensor:  # noqa: ANN401 (autograd's context)
        return images.view_as(images)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return gradient.contiguous(memory_format=torch.channels_last)
