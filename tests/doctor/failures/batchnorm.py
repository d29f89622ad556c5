"""BatchNorm's statistics are not those that the weights were taught with."""

import torch

from .patient import Patient, Plant, World, patient


def drifting_statistics(world: World) -> Patient:
    """model.train() moved the frozen backbone's running statistics."""
    ill = patient(world)
    ill.model.train()
    with torch.no_grad():
        for _ in range(4):
            for images, _ in ill.train:
                ill.model(images * 1.5 + 0.5)
    ill.model.eval()
    return ill


def train_mode(world: World) -> Patient:
    """Evaluated as it was trained."""
    ill = patient(world)
    ill.model.train()
    return ill


FAILURES: dict[Plant, str] = {
    drifting_statistics: "BatchNorm statistics drift in a frozen backbone",
    train_mode: "train mode at evaluation",
}
