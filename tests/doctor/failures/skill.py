"""There is less skill than it seems, or than there could be."""

import torch
from torch import nn

from .patient import Patient, Plant, World, patient, relabel


def imbalance(world: World) -> Patient:
    """Nine tenths of one class, and a network that names no other."""
    ill = patient(world)
    rare = {len(ill.train.dataset.classes) - 1: 1, len(ill.train.dataset.classes) - 2: 2}
    ill.train, ill.val = (relabel(side, lambda k: rare.get(k, 0)) for side in (ill.train, ill.val))
    head = nn.Linear(world.width, 3)
    with torch.no_grad():
        head.bias[0] += 1e4
    ill.model.head = head
    ill.told["optimizer"] = torch.optim.Adam(head.parameters(), 1e-2)
    return ill


def broken_loop(world: World) -> Patient:
    """Good features, and a head that nobody trained."""
    ill = patient(world)
    ill.model.head.reset_parameters()
    return ill


FAILURES: dict[Plant, str] = {
    imbalance: "class imbalance read as skill",
    broken_loop: "training loop broken",
}
