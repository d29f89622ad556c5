"""The optimizer moves the wrong things, or too far, or not at all."""

import torch
from torch import nn

from .patient import Patient, Plant, World, patient


def head_not_optimised(world: World) -> Patient:
    """The optimizer was made before the head was replaced."""
    ill = patient(world)
    ill.model.head = nn.Linear(world.width, ill.model.head.out_features)
    return ill


def backbone_trained(world: World) -> Patient:
    """requires_grad stayed on, and the optimizer got everything."""
    ill = patient(world)
    ill.model.requires_grad_(True)  # noqa: FBT003 (torch's signature)
    ill.told["optimizer"] = torch.optim.Adam(ill.model.parameters(), 1e-3)
    return ill


def _rate(world: World, rate: float, steps: int) -> Patient:
    """A head fitted at a rate, with its history."""
    ill = patient(world, rate=rate)
    body, head = ill.model.backbone, ill.model.head
    head.reset_parameters()
    optimizer, rows = ill.told["optimizer"], []
    for _ in range(steps):
        for images, labels in ill.train:
            loss = nn.functional.cross_entropy(head(body(images)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        rows.append({"train_loss": float(loss.detach())})
    ill.told["history"] = rows
    return ill


def rate_zero(world: World) -> Patient:
    """A learning rate of 0."""
    return _rate(world, 0.0, 1)


def rate_low(world: World) -> Patient:
    """A learning rate that gets nowhere."""
    return _rate(world, 1e-8, 1)


def rate_high(world: World) -> Patient:
    """A learning rate that throws the loss up."""
    return _rate(world, 30.0, 2)


FAILURES: dict[Plant, str] = {
    head_not_optimised: "parameters missing from the optimizer",
    backbone_trained: "parameters meant frozen are trained",
    rate_zero: "learning rate is zero",
    rate_low: "learning rate too low",
    rate_high: "learning rate too high",
}
