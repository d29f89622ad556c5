"""Painted photos and a small frozen network that can learn them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from florascope.data.dataset import ClassName, Dataset, Split
from florascope.errors import PhotoError
from florascope.features.engines import Engine
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Samples
from florascope.nets.weights import load_backbone

NETWORK = "test_resnet"  # timm's smallest


@dataclass
class Painted:
    """A photo in memory that counts its readings."""

    name: str
    pixels: np.ndarray
    broken: bool = False
    readings: list[str] = field(default_factory=list)

    def read(self) -> np.ndarray:
        self.readings.append(self.name)
        if self.broken:
            raise PhotoError(f"{self.name} is damaged", expected="a complete photo")
        return self.pixels

    def digest(self) -> str:
        return f"{self.name} {int(self.pixels.sum())} {self.broken}"


Paint = Callable[[int], list[Painted]]


def painted(n: int) -> list[Painted]:
    """Paint n photos of different sizes, in one of three colours by turns, with noise."""
    rng = np.random.default_rng(0)
    colours = np.array([[225, 60, 60], [60, 200, 60], [70, 70, 230]])
    photos = []
    for i in range(n):
        shape = (int(rng.integers(60, 90)), int(rng.integers(60, 90)), 3)
        pixels = (colours[i % 3] + rng.normal(0, 40, shape)).clip(0, 255).astype(np.uint8)
        photos.append(Painted(f"photo {i}", pixels))
    return photos


def painted_dataset() -> Dataset:
    """45 painted photos of three colours."""
    classes = tuple(ClassName(str(k + 1), name) for k, name in enumerate(("red", "lawn", "blue")))
    return Dataset("painted", painted(45), np.arange(45) % 3, classes)


def planted_split() -> Split:
    """27 train, 9 val, 9 test."""
    every = np.random.default_rng(1).permutation(45)
    return Split("planted", every[:27], every[27:36], every[36:])


@pytest.fixture
def paint() -> Paint:
    """Paint photos; see `painted`."""
    return painted


@pytest.fixture
def dataset() -> Dataset:
    """45 photos that a test may spoil; see `painted_dataset`."""
    return painted_dataset()


@pytest.fixture
def split() -> Split:
    """See `planted_split`."""
    return planted_split()


@pytest.fixture
def backbone() -> Backbone:
    """A small network with random weights."""
    return load_backbone(NETWORK, "random")


@pytest.fixture
def engine(backbone: Backbone) -> Engine:
    """The same network at inference speed."""
    return Engine(backbone)


MakeSamples = Callable[..., Samples]


@pytest.fixture
def make_samples() -> MakeSamples:
    """Draw n features of c channels around K centres; overlap blurs the classes."""

    def make(n: int, c: int = 6, K: int = 4, seed: int = 0, overlap: float = 1.0) -> Samples:
        centres = np.random.default_rng(99).normal(0, 1, (K, c))
        rng = np.random.default_rng(seed)
        targets = np.arange(n) % K
        features = centres[targets] + overlap * rng.normal(0, 1, (n, c)) + 0.5
        return Samples(torch.from_numpy(features).float(), torch.from_numpy(targets), K)

    return make


def read_all(photos: Sequence[Painted]) -> int:
    """Count the readings of some photos."""
    return sum(len(photo.readings) for photo in photos)
