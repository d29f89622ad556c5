"""The network gets other pixels than its weights were taught on."""

from dataclasses import replace

import torch
from torch import Tensor

from .patient import Patient, Plant, World, hidden, patient


def _stats(world: World) -> tuple[Tensor, Tensor]:
    return (
        torch.tensor(world.contract.mean).reshape(3, 1, 1),
        torch.tensor(world.contract.std).reshape(3, 1, 1),
    )


def unscaled(world: World) -> Patient:
    """Pixels from 0 to 255 go in."""
    mean, std = _stats(world)
    return patient(world, after=lambda x: (x * std + mean) * 255)


def rescaled_twice(world: World) -> Patient:
    """Divided by 255 once by ToTensor, once more by hand."""
    mean, std = _stats(world)
    return patient(world, after=lambda x: ((x * std + mean) / 255 - mean) / std)


def rescaled_twice_unseen(world: World) -> Patient:
    """The same where the doctor cannot see the photos' files."""
    return hidden(rescaled_twice(world))


def unscaled_unseen(world: World) -> Patient:
    """The same where the doctor cannot see the photos' files."""
    return hidden(unscaled(world))


def bgr(world: World) -> Patient:
    """As OpenCV reads."""
    return patient(world, before=lambda rgb: rgb[..., ::-1].copy())


def bgr_by_canary(world: World) -> Patient:
    """The same where only the pretrained head can tell."""
    ill = hidden(bgr(world))
    ill.told["pretrained"] = world.pretrained
    return ill


def wrong_statistics(world: World) -> Patient:
    """Another network's mean and deviation."""
    other = replace(world.contract, mean=(0.5, 0.4, 0.3), std=(0.3, 0.35, 0.2))
    return patient(world, contract=other)


def unit_range(world: World) -> Patient:
    """[0, 1] for weights that want [-1, 1] or standardised input."""
    return patient(world, contract=replace(world.contract, mean=(0.0,) * 3, std=(1.0,) * 3))


def channels_last(world: World) -> Patient:
    """(height, width, channels)."""
    ill = patient(world)
    turned = [(x.permute(0, 2, 3, 1), y) for x, y in ill.val]
    return Patient(ill.model, [(x.permute(0, 2, 3, 1), y) for x, y in ill.train], turned, ill.told)


def reshaped(world: World) -> Patient:
    """Reshaped to channels first instead of transposed."""
    return patient(world, after=lambda x: x.permute(1, 2, 0).reshape(x.shape))


FAILURES: dict[Plant, str] = {
    unscaled: "input range wrong for the weights",
    rescaled_twice: "input rescaled twice",
    rescaled_twice_unseen: "input rescaled twice",
    unscaled_unseen: "input range wrong for the weights",
    bgr: "BGR for RGB",
    bgr_by_canary: "BGR for RGB",
    wrong_statistics: "wrong mean or standard deviation",
    unit_range: "wrong mean or standard deviation",
    channels_last: "wrong layout of the input",
    reshaped: "wrong layout of the input",
}
