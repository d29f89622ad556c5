"""Train is augmented wrongly, or val is."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .patient import Patient, Plant, RandomMirror, Standard, World, patient


def val_augmented(world: World) -> Patient:
    """Val gets train's transform."""
    plain = Standard(world.contract)
    return patient(world, val=RandomMirror(plain))


def brightness_steps(world: World) -> Patient:
    """A step meant for 0 to 255, applied to 0 to 1."""

    class RandomBrightness:
        def __call__(self, photo: Any) -> Tensor:
            return Standard(world.contract)(photo) + float(torch.empty(()).uniform_(-32, 32))

    return patient(world, train=RandomBrightness())


def cached_augmentation(world: World) -> Patient:
    """A cache after the random steps."""
    ill = patient(world)
    ill.train = DataLoader(Cached(ill.train.dataset), 16, shuffle=True)
    return ill


class Cached(Dataset[Any]):
    """Keeps whatever it gave once."""

    def __init__(self, below: Any) -> None:
        self.below = below
        self.kept: dict[int, Any] = {}
        self.transform = below.transform
        self.classes, self.samples = below.classes, below.samples

    def __len__(self) -> int:
        return len(self.below)

    def __getitem__(self, index: int) -> Any:
        if index not in self.kept:
            self.kept[index] = self.below[index]
        return self.kept[index]


def same_in_workers(world: World) -> Patient:
    """A NumPy generator of the data set's own is copied into every worker."""
    ill = patient(world, train=RandomMirror(Standard(world.contract), np.random.default_rng(0)))
    ill.train = DataLoader(ill.train.dataset, 16, shuffle=True, num_workers=2)
    return ill


FAILURES: dict[Plant, str] = {
    val_augmented: "validation is augmented",
    brightness_steps: "augmentation leaves the value range",
    cached_augmentation: "augmentation frozen by a cache",
    same_in_workers: "augmentation identical across workers",
}
