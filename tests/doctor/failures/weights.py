"""The backbone's weights are not the pretrained ones."""

from typing import Any

import torch
from torch import nn

from .patient import Patient, Plant, World, patient


def not_loaded(world: World) -> Patient:
    """The weights as they are made."""
    return patient(world, backbone=reset(world.backbone()))


def reset(backbone: nn.Module) -> nn.Module:
    """Draw every weight anew."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for module in backbone.modules():
            draw: Any = getattr(module, "reset_parameters", None)
            if draw is not None:
                draw()
    return backbone


def not_loaded_unseen(world: World) -> Patient:
    """The same where the doctor is not given the pretrained weights."""
    ill = not_loaded(world)
    del ill.told["reference"]
    return ill


def partly_loaded(world: World) -> Patient:
    """Half of the convolutions did not match by name."""
    backbone = world.backbone()
    convolutions = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        for module in convolutions[len(convolutions) // 2 :]:
            module.reset_parameters()
    return patient(world, backbone=backbone)


FAILURES: dict[Plant, str] = {
    not_loaded: "backbone weights not loaded",
    not_loaded_unseen: "backbone weights not loaded",
    partly_loaded: "backbone weights partly loaded",
}
