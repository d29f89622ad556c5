"""The network does not end in logits."""

from torch import nn

from .patient import Patient, Plant, World, patient


def softmax_twice(world: World) -> Patient:
    """The network ends in softmax, and the loss applies it again."""
    ill = patient(world)
    ill.model.head = nn.Sequential(ill.model.head, nn.Softmax(1))
    return ill


def dropout_last(world: World) -> Patient:
    """Probabilities are dropped."""
    ill = patient(world)
    ill.model.head = nn.Sequential(ill.model.head, nn.Softmax(1), nn.Dropout(0.3))
    return ill


FAILURES: dict[Plant, str] = {
    softmax_twice: "softmax twice",
    dropout_last: "dropout after the last layer",
}
