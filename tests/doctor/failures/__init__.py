"""Trainings with one thing wrong each, in the families of the checks that name it."""

from . import (
    augmentation,
    batchnorm,
    claims,
    features,
    head,
    inputs,
    labels,
    optimisation,
    serving,
    skill,
    split,
    weights,
)
from .patient import HEALTHY, Net, Patient, Plant, Standard, World, learn, patient

__all__ = [
    "FAILURES",
    "HEALTHY",
    "Net",
    "Patient",
    "Standard",
    "World",
    "applicable",
    "learn",
    "patient",
]

FAMILIES = (
    inputs,
    weights,
    batchnorm,
    optimisation,
    split,
    labels,
    augmentation,
    head,
    claims,
    serving,
    features,
    skill,
)
FAILURES: dict[Plant, str] = {
    plant: cause for family in FAMILIES for plant, cause in family.FAILURES.items()
}
"""Every failure and the cause the doctor has to name first."""

BY_CANARY = frozenset({inputs.bgr_by_canary})
"""Failures that only a network with a head of its own can tell."""


def applicable(world: World) -> list[Plant]:
    """The failures that can be planted in a world."""
    return [f for f in FAILURES if world.pretrained is not None or f not in BY_CANARY]
