"""Features, or answers, do not tell photos apart."""

import torch
from torch import Tensor, nn

from .patient import Patient, Plant, World, patient


def collapsed(world: World) -> Patient:
    """The backbone's last layer is dead."""
    backbone = world.backbone()
    ill = patient(world, backbone=nn.Sequential(backbone, Dead()))
    ill.told["reference"] = None
    return ill


class Dead(nn.Module):
    """Every feature is nearly the same for every photo."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.ones_like(features) + 1e-4 * features


def constant(world: World) -> Patient:
    """One class's bias outweighs all photos."""
    ill = patient(world)
    with torch.no_grad():
        ill.model.head.bias[1] += 1e4
    return ill


FAILURES: dict[Plant, str] = {
    collapsed: "collapsed features",
    constant: "constant predictions",
}
