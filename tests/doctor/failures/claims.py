"""The script's figures do not measure what they say."""

import torch
from torch import Tensor, nn

from .patient import Patient, Plant, World, patient, reporting


def binary_accuracy(world: World) -> Patient:
    """Every class's own yes or no counts."""
    ill = patient(world)

    def metric(outputs: Tensor, labels: Tensor) -> Tensor:
        truth = nn.functional.one_hot(labels, outputs.shape[1]).bool()
        return ((outputs.softmax(1) > 0.5) == truth).float().mean()

    ill.told["metric"] = metric
    return ill


def binary_reported(world: World) -> Patient:
    """The same, known from the reported figure alone, of a network at chance."""
    ill = patient(world)
    with torch.no_grad():
        ill.model.head.weight.mul_(0)
    return reporting(ill, lambda outputs, _: 1 - 1 / outputs.shape[1])


def shuffled_evaluation(world: World) -> Patient:
    """Answers of a shuffled pass, held against labels in order."""

    def figure(outputs: Tensor, labels: Tensor) -> float:
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        return float((outputs.argmax(1)[order] == labels).float().mean())

    return reporting(patient(world), figure)


FAILURES: dict[Plant, str] = {
    binary_accuracy: "wrong accuracy for several classes",
    binary_reported: "wrong accuracy for several classes",
    shuffled_evaluation: "shuffled evaluation compared with unshuffled labels",
}
