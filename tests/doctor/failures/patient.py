"""Sound trainings of a real network, in which one thing can be made wrong.

An ordinary PyTorch script: torchvision's ImageFolder, a DataLoader, a frozen timm backbone with a
linear head, Adam.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.datasets import ImageFolder

from florascope.doctor.diagnosis import Diagnosis
from florascope.doctor.script import diagnose
from florascope.images import read_photo
from florascope.preprocessing import Preprocessing

Transform = Callable[[Any], Tensor]


class Net(nn.Module):
    """A backbone and a linear head."""

    def __init__(self, backbone: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(images))
        return logits


@dataclass(frozen=True)
class World:
    """Where the trainings take place.

    Attributes:
        root: holds train/ and val/, each with one folder a class.
        scratch: for copies of root with something wrong.
        contract: of the backbone's weights.
        backbone: makes the pretrained backbone, images to features.
        width: of the features.
        pretrained: the backbone with a head of its own, in eval mode; None where there is none.
    """

    root: Path
    scratch: Path
    contract: Preprocessing
    backbone: Callable[[], nn.Module]
    width: int
    pretrained: nn.Module | None = None

    def copy(self, name: str) -> Path:
        """Copy the photos, to do something to them."""
        shutil.rmtree(self.scratch / name, ignore_errors=True)
        return Path(shutil.copytree(self.root, self.scratch / name))


@dataclass
class Patient:
    """A training to diagnose.

    Attributes:
        model: trained, in eval mode.
        train: its loader.
        val: its loader.
        told: what the script tells the doctor.
    """

    model: Any
    train: Any
    val: Any
    told: dict[str, Any] = field(default_factory=dict)

    def diagnosis(self) -> Diagnosis:
        """Ask the doctor."""
        return diagnose(self.model, self.train, self.val, **self.told)


Plant = Callable[[World], Patient]
"""Makes a training with one thing wrong."""


@dataclass(frozen=True)
class Standard:
    """The contract's own preprocessing, with a change before or after.

    Attributes:
        contract: of the weights.
        after: what is done to the tensor.
        before: what is done to the photo.
    """

    contract: Preprocessing
    after: Callable[[Tensor], Tensor] | None = None
    before: Callable[[Any], Any] | None = None

    def __call__(self, photo: Any) -> Tensor:
        rgb = np.asarray(photo)
        x = torch.from_numpy(self.contract(self.before(rgb) if self.before else rgb))
        return self.after(x) if self.after else x


class RandomMirror:
    """A horizontal flip and a shift of up to four pixels, drawn anew each time."""

    def __init__(self, plain: Transform, draw: np.random.Generator | None = None) -> None:
        self.plain, self.draw = plain, draw

    def __call__(self, photo: Any) -> Tensor:
        x = self.plain(photo)
        own = (
            self.draw
            if self.draw is not None
            else np.random.default_rng(int(torch.randint(2**31, ())))
        )
        shift = int(own.integers(-4, 5))
        x = x.flip(2) if own.random() < 0.5 else x
        return torch.roll(x, shift, 2)


def photos(
    root: Path, transform: Transform, reader: Callable[[str], Any] | None = None
) -> ImageFolder:
    """A folder of class folders as torchvision reads it, upright."""
    return ImageFolder(str(root), transform, loader=reader or _read)


def _read(path: str) -> Any:
    return _decoded(path, Path(path).stat().st_mtime_ns)


@lru_cache(1_000)
def _decoded(path: str, _changed: int) -> Any:
    """A photo, decoded once: a diagnosis reads each several times, and trainings share theirs."""
    pixels = read_photo(Path(path))
    pixels.flags.writeable = False
    return pixels


def patient(
    world: World,
    *,
    root: Path | None = None,
    after: Callable[[Tensor], Tensor] | None = None,
    before: Callable[[Any], Any] | None = None,
    train: Transform | None = None,
    val: Transform | None = None,
    reader: Callable[[str], Any] | None = None,
    contract: Preprocessing | None = None,
    backbone: nn.Module | None = None,
    rate: float = 1e-2,
) -> Patient:
    """A training, sound but for what is given otherwise."""
    plain = Standard(contract or world.contract, after, before)
    root = root or world.root
    learned = photos(root / "train", train or RandomMirror(plain), reader)
    unseen = photos(root / "val", val or plain, reader)
    model = Net(backbone or world.backbone(), world.width, len(learned.classes)).eval()
    model.backbone.requires_grad_(False)  # noqa: FBT003 (torch's signature)
    ill = Patient(model, DataLoader(learned, 16, shuffle=True), DataLoader(unseen, 16))
    ill.told = {
        "contract": world.contract,
        "reference": world.backbone().state_dict(),
        "frozen": ["backbone"],
        "loss": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.head.parameters(), rate),
    }
    learn(ill)
    return ill


def learn(ill: Patient, steps: int = 60) -> None:
    """Fit the head to the train photos' features, all at once."""
    body, head = ill.model.backbone, ill.model.head
    with torch.no_grad():
        pairs = [(body(x), y) for x, y in ill.train]
    features, labels = torch.cat([f for f, _ in pairs]), torch.cat([y for _, y in pairs])
    adam = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(head(features), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()


def relabel(loader: DataLoader[Any], rename: Callable[[int], int]) -> DataLoader[Any]:
    """The same photos with other labels, as mixed as before."""
    mixed = isinstance(loader.sampler, RandomSampler)
    return DataLoader(Relabelled(loader.dataset, rename), 16, shuffle=mixed)


class Relabelled(Dataset[Any]):
    """A data set with its labels renamed."""

    def __init__(self, below: Any, rename: Callable[[int], int]) -> None:
        self.below, self.rename = below, rename

    def __len__(self) -> int:
        return len(self.below)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.below[index]
        return image, self.rename(label)


def hidden(ill: Patient) -> Patient:
    """Batches in lists: no data set, no paths."""
    return Patient(ill.model, list(ill.train), list(ill.val), ill.told)


def reporting(ill: Patient, figure: Callable[[Tensor, Tensor], float]) -> Patient:
    with torch.no_grad():
        pairs = [(ill.model(x), y) for x, y in ill.val]
    outputs, labels = torch.cat([o for o, _ in pairs]), torch.cat([y for _, y in pairs])
    ill.told["reported"] = {"val_top1": float(figure(outputs, labels))}
    return ill


def sound(world: World) -> Patient:
    """Augmented, everything told."""
    return patient(world)


def bare(world: World) -> Patient:
    """Not augmented, little told."""
    ill = patient(world, train=Standard(world.contract))
    ill.told = {"contract": world.contract}
    return ill


def unseen(world: World) -> Patient:
    """Batches in lists, whose photos nobody can look up."""
    return hidden(patient(world))


def finetuned(world: World) -> Patient:
    """Backbone and head trained together, gently, with BatchNorm standing still."""
    ill = patient(world, rate=1e-3)
    ill.model.requires_grad_(True)  # noqa: FBT003 (torch's signature)
    sgd = torch.optim.SGD(ill.model.parameters(), 1e-3, momentum=0.9)
    for images, labels in ill.train:
        loss = nn.functional.cross_entropy(ill.model(images), labels)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    ill.told |= {"optimizer": sgd, "frozen": ()}
    return ill


HEALTHY: tuple[Plant, ...] = (sound, bare, unseen, finetuned)
"""Trainings with nothing wrong."""
