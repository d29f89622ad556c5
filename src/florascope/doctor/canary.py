"""A pretrained network's own head as a canary: which remedy of the input makes it surer?"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from florascope.doctor.evidence import AS_IT_IS
from florascope.preprocessing import Preprocessing

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
