"""Where a training runs, and in which precision: CPU, one GPU or several, by Lightning Fabric."""

import os

import torch
from lightning_fabric import Fabric

from florascope.errors import TrainingError

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def fabric_for(precision: str) -> Fabric:
    """Return a Fabric for this process.

    Started by `torchrun --nproc-per-node N`, N processes share the work; without, one device does
    it, a GPU where there is one.

    Args:
        precision: "32", "bf16", "16" or "auto".

    Raises:
        TrainingError: 16-bit floats are asked for on a CPU.
    """
    gpu = torch.cuda.is_available()
    if precision == "16" and not gpu:
        raise TrainingError(
            "precision=16 on a CPU", expected="a GPU for it", fix="Use --set precision=bf16 or 32"
        )
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator="cuda" if gpu else "cpu",
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision=PRECISIONS[_fitting(gpu=gpu) if precision == "auto" else precision],  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def is_first_process() -> bool:
    """Whether this process is the one that writes and prints."""
    return os.environ.get("RANK", "0") == "0"


def leave_to_first_process() -> None:
    """End this process, its part done, unless it is the one that writes and prints."""
    if not is_first_process():
        raise SystemExit(0)


def _fitting(*, gpu: bool) -> str:
    """Choose the precision that this machine's hardware multiplies in."""
    if gpu:
        return "bf16" if torch.cuda.is_bf16_supported() else "16"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "32"  # noqa: SLF001
