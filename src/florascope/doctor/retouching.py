"""Inputs changed on purpose: what a trained network says of them shows what it looks at."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from florascope.doctor.evidence import AS_IT_IS
from florascope.preprocessing import Preprocessing

Images = Float32[np.ndarray, "b h w c"]
LOOKED_AT = 128  # photos that are retouched

SWAPPED = "red and blue exchanged"
CENTRE = "the centre hidden"
EDGE = "the edge hidden"
EVENED = "brightness and contrast made equal"
GREYED = "the tint of the edge taken off the photo"
SMOOTHED = "fine structure smoothed"
RING = 0.15  # of a side: the edge is so wide, all around


def swapped(images: Images) -> Images:
    """Red for blue."""
    return np.ascontiguousarray(images[..., ::-1])


def centre_hidden(images: Images) -> Images:
    """Leave the edge alone to be seen, the rest in the photo's mean colour."""
    return np.where(_ring(images), images, images.mean((1, 2), keepdims=True))


def edge_hidden(images: Images) -> Images:
    """Leave the centre alone to be seen."""
    return np.where(_ring(images), images.mean((1, 2), keepdims=True), images)


def evened(images: Images) -> Images:
    """The same mean and deviation in every photo."""
    mean, deviation = (part(axis=(1, 2, 3), keepdims=True) for part in (images.mean, images.std))
    even = (images - mean) / (deviation + 1e-6) * deviation.mean() + mean.mean()
    return even.astype(np.float32)


def greyed(images: Images) -> Images:
    """Edges of no colour in the mean: each channel shifted as a whole."""
    rims = (images[:, :1], images[:, -1:], images[:, :, :1], images[:, :, -1:])
    means = np.concatenate([rim.reshape(len(images), -1, images.shape[3]) for rim in rims], 1)
    tint = means.mean(1)[:, None, None]
    return np.asarray(images - tint + tint.mean(3, keepdims=True), np.float32)


def smoothed(images: Images) -> Images:
    """The mean of 3 x 3 pixels, twice."""
    from scipy.ndimage import uniform_filter  # a tenth of a second

    once = uniform_filter(images, (0, 3, 3, 0), mode="nearest")
    twice: Images = uniform_filter(once, (0, 3, 3, 0), mode="nearest")
    return twice


def _ring(images: Images) -> Bool[np.ndarray, "h w 1"]:
    height, width = images.shape[1:3]
    inside = [
        (np.arange(side) >= round(RING * side)) & (np.arange(side) < side - round(RING * side))
        for side in (height, width)
    ]
    return ~np.outer(*inside)[:, :, None]


RETOUCHES: dict[str, Callable[[Images], Images]] = {
    AS_IT_IS: lambda images: images,
    SWAPPED: swapped,
    CENTRE: centre_hidden,
    EDGE: edge_hidden,
    EVENED: evened,
    GREYED: greyed,
    SMOOTHED: smoothed,
}
"""By what is done to photos, (b, h, w, 3)."""


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
