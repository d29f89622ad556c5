"""A network's last layers: what it does to their outputs, and how sure a pretrained head is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from florascope.doctor.evidence import AS_IT_IS
from florascope.doctor.network import Head, run
from florascope.preprocessing import Preprocessing

CLOSE = 1e-3  # relative


class Tail(NamedTuple):
    """A function from the last layer's outputs to the network's.

    Attributes:
        name: in a few words; "" where the outputs are the layer's own.
        apply: (b, L) to (b, K).
    """

    name: str
    apply: Callable[[Tensor], Tensor]


def find_tail(twin: nn.Module, head: Head, images: Tensor) -> Tail | None:
    """Recognise the tail of a network; None where it is nothing usual.

    Args:
        twin: a copy of the network, in eval mode.
        head: its last linear layer.
        images: a batch.
    """
    seen: list[Tensor] = []
    if head.module is None:
        return None
    handle = head.module.register_forward_hook(lambda _m, _i, out: seen.append(out.float().cpu()))
    try:
        outputs = run(twin, images)
    finally:
        handle.remove()
    layer = seen[-1]
    if layer.ndim != 2 or len(layer) != len(outputs) or layer.shape[1] < outputs.shape[1]:
        return None
    usual = (t for t in _candidates(layer, outputs) if _close(t.apply(layer), outputs))
    return next(usual, None)


def _candidates(layer: Tensor, outputs: Tensor) -> tuple[Tail, ...]:
    K = outputs.shape[1]
    cut = layer[:, :K]
    factor = float((cut * outputs).sum() / cut.square().sum().clamp_min(1e-30))
    return (
        Tail("", lambda z: z[:, :K]),
        Tail("softmax", lambda z: z.softmax(1)[:, :K]),
        Tail("log-softmax", lambda z: z.log_softmax(1)[:, :K]),
        Tail("sigmoid", lambda z: z[:, :K].sigmoid()),
        Tail("ReLU", lambda z: z[:, :K].relu()),
        Tail("tanh", lambda z: z[:, :K].tanh()),
        Tail("softmax over the batch", lambda z: z[:, :K].softmax(0)),
        Tail("log-softmax over the batch", lambda z: z[:, :K].log_softmax(0)),
        Tail("unit length", lambda z: nn.functional.normalize(z[:, :K], dim=1)),
        Tail(f"multiplication by {factor:.2g}", lambda z: factor * z[:, :K]),
    )


def _close(ours: Tensor, outputs: Tensor) -> bool:
    if ours.shape != outputs.shape or not bool(outputs.isfinite().all()):
        return False
    spread = float(outputs.std()) or 1.0
    return float((ours - outputs).abs().max()) < CLOSE * spread + 1e-9


def without_tail(model: nn.Module, head: Head, classes: int) -> nn.Module:
    """Return the network whose outputs are those of its last linear layer."""
    return _Cut(model, head.name, classes)


class _Cut(nn.Module):
    """Runs a network and returns what its last layer gave."""

    def __init__(self, model: nn.Module, name: str, classes: int) -> None:
        super().__init__()
        self.model, self.classes = model, classes
        self.seen: Tensor = torch.empty(0)
        model.get_submodule(name).register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: object, outputs: Tensor) -> None:
        self.seen = outputs

    def forward(self, images: Tensor) -> Tensor:
        """Images to (b, K)."""
        self.model(images)
        return self.seen[:, : self.classes]


def whole(network: nn.Module) -> nn.Module:
    """Return the network that `without_tail` was given; any other as it is."""
    return network.model if isinstance(network, _Cut) else network


Network = Callable[[Tensor], Tensor]
SLACK = 0.05  # of [0, 1]


def sureness_by_remedy(
    network: Network, images: Tensor, contract: Preprocessing
) -> dict[str, float]:
    """Mean largest probability of the pretrained network, by what was done to its input.

    Args:
        network: pretrained, with its own head: a batch to logits.
        images: (b, 3, h, w) as the loader gives them.
        contract: what the network was taught on.

    Returns:
        By remedy: the remedy that raises it clearly is the one that was needed.
    """
    mean = torch.tensor(contract.mean).reshape(3, 1, 1)
    std = torch.tensor(contract.std).reshape(3, 1, 1)
    unit = images * std + mean
    remedies = {
        AS_IT_IS: images,
        "channels swapped": (unit.flip(1) - mean) / std,
        "divided by 255": (unit / 255 - mean) / std,
        "multiplied by 255": (unit * 255 - mean) / std,
        "standardised first": (images - mean) / std,
        "standardised once less": unit,
        "reshaped": images.reshape(len(images), *images.shape[2:], 3).permute(0, 3, 1, 2),
    }
    return {
        name: _sureness(network, batch)
        for name, batch in remedies.items()
        if name == AS_IT_IS or _plausible(batch * std + mean)
    }


def _plausible(unit: Tensor) -> bool:
    """Whether pixels lie in [0, 1] and differ: networks are sure, and wrong, of anything loud."""
    low, high = float(unit.min()), float(unit.max())
    return low > -SLACK and high < 1 + SLACK and float(unit.std()) > SLACK


def _sureness(network: Network, images: Tensor) -> float:
    with torch.no_grad():
        logits = network(images).double()
    return float(np.nan_to_num(logits.softmax(1).max(1).values.mean().item()))
