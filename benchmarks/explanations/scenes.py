"""Pictures of which it is known, without masks by hand, where the evidence for a class lies.

All are made of photos that took no part in the shipped model's training or test (its validation
photos), and of garden scenes. Even numbers choose, odd ones are held out.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image
from torch import Tensor

from florascope.audit.localisation import BACKGROUND, FLOWER, Mask
from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.explanation.inference import FastClassifier
from florascope.garden.scene import GardenPhoto
from florascope.garden.species import SPECIES
from florascope.images import RGB
from florascope.nets.classifier import Classifier, Samples
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

Where = Bool[np.ndarray, "h w"]
SEEN = 0.05  # probability above which a scene's class is asked about
SPLIT = "split_80_10_10_udacity.csv"
BATCH = 8
DRAWN_FROM = [(species, index) for species in range(len(SPECIES)) for index in range(40)]


class Scene(NamedTuple):
    """A picture, a class, and where the evidence for it lies."""

    pixels: RGB
    target: int
    where: Where


@dataclass(frozen=True)
class Scenes:
    """Pictures of one kind.

    Attributes:
        images: (n, 3, size, size) normalised.
        targets: (n,) the classes asked about.
        rivals: (n,) the likeliest other classes.
        where: n masks.
        held_out: (n,) which had no part in choosing.
    """

    images: Tensor
    targets: Tensor
    rivals: Tensor
    where: list[Where]
    held_out: Bool[np.ndarray, "n"]

    @property
    def masks(self) -> list[Mask]:
        """Where, as the audit's masks."""
        return [np.where(where, FLOWER, BACKGROUND).astype(np.uint8) for where in self.where]


@dataclass(frozen=True)
class Material:
    """Validation photos that the network answers rightly, cropped.

    Attributes:
        crops: (n, size, size, 3).
        labels: (n,).
    """

    crops: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, classifier: Classifier, count: int) -> "Material":
        """Pick photos evenly among the validation photos, in random order."""
        data = oxford102()
        split = choose_split(data, str(Path(os.environ["FLORASCOPE_DATA"]) / "flowers-102" / SPLIT))
        chosen = np.random.default_rng(0).permutation(split.val)[:count]
        crops = np.stack([classifier.preprocessing.crop(data.photos[i].read()) for i in chosen])
        right = answers(classifier, crops) == data.labels[chosen]
        return cls(crops[right], data.labels[chosen][right])


def drawn_classifier(classifier: Classifier) -> Classifier:
    """The same backbone with a probe on other drawn flowers than those that are shown."""
    photos = [GardenPhoto(s, i, 0, classifier.preprocessing.size) for s, i in DRAWN_FROM]
    fast, features = FastClassifier(classifier), []
    for at in range(0, len(photos), BATCH):
        pixels = np.stack([photo.read() for photo in photos[at : at + BATCH]])
        features.append(fast.backbone(normalised(classifier, pixels)).features.clone())
    rows, labels = torch.cat(features), torch.tensor([photo.species for photo in photos])
    held = torch.arange(len(photos)) % 4 == 3
    train, val = (Samples(rows[m], labels[m], len(SPECIES)) for m in (~held, held))
    head = fit_probe(train, val, Probe())
    drawn = Classifier(classifier.backbone, tuple(ClassName(s.name, s.name) for s in SPECIES))
    drawn.set_head(head.weight, head.bias)
    return drawn.eval()


def answers(classifier: Classifier, crops: np.ndarray) -> np.ndarray:
    """The class that the network answers to each crop."""
    return logits(classifier, normalised(classifier, crops)).argmax(1).numpy()


def logits(classifier: Classifier, images: Tensor) -> Tensor:
    """What the network answers to normalised pictures."""
    fast = FastClassifier(classifier)
    with torch.no_grad():
        return torch.cat([fast(part) for part in images.split(BATCH)])


def normalised(classifier: Classifier, crops: np.ndarray) -> Tensor:
    """Pictures as the network takes them."""
    return torch.from_numpy(classifier.preprocessing.normalise(crops))


def recognised(classifier: Classifier, made: Iterator[list[Scene]], least: float = SEEN) -> Scenes:
    """Join scenes whose class the network sees at all; every other group of them is held out."""
    scenes = [(scene, n % 2 == 1) for n, group in enumerate(made) for scene in group]
    images = normalised(classifier, np.stack([scene.pixels for scene, _ in scenes]))
    targets = torch.tensor([scene.target for scene, _ in scenes])[:, None]
    found = logits(classifier, images)
    seen = found.softmax(1).gather(1, targets)[:, 0] > least
    return Scenes(
        images[seen],
        targets[seen, 0],
        found.scatter(1, targets, -torch.inf).argmax(1)[seen],
        [scene.where for (scene, _), kept in zip(scenes, seen, strict=True) if kept],
        np.array([held for _, held in scenes])[seen.numpy()],
    )


def pairs(photos: Material, count: int) -> Iterator[list[Scene]]:
    """Two photos side by side, the middle half of each: each class's evidence is in its own."""
    size = photos.crops.shape[1]
    for first, second in _different(photos, count):
        strips = [photos.crops[i][:, size // 4 : size // 4 + size // 2] for i in (first, second)]
        left = np.zeros((size, size), bool)
        left[:, : size // 2] = True
        pixels = np.concatenate(strips, 1)
        yield [
            Scene(pixels, int(photos.labels[i]), where)
            for i, where in ((first, left), (second, ~left))
        ]


def pasted(photos: Material, count: int) -> Iterator[list[Scene]]:
    """The middle of one photo, reduced, in a soft disc somewhere before another's corner."""
    dice, size = np.random.default_rng(1), photos.crops.shape[1]
    for front, behind in _different(photos, count):
        side = int(size * dice.uniform(0.4, 0.7))
        small = resized(photos.crops[front], side)
        top, left = dice.integers(0, size - side + 1, 2)
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        alpha = np.clip((1 - np.hypot(steps, steps[:, None])) * 6, 0, 1)
        wide = np.zeros((size, size))
        wide[top : top + side, left : left + side] = alpha
        canvas = np.zeros((size, size, 3))
        canvas[top : top + side, left : left + side] = small
        ground = corner(photos.crops[behind], dice)
        mixed = (wide[..., None] * canvas + (1 - wide[..., None]) * ground).round()
        yield [Scene(mixed.astype(np.uint8), int(photos.labels[front]), wide >= 0.5)]


def garden_scenes(photos: Material, count: int) -> Iterator[list[Scene]]:
    """Drawn flowers as they are and, the next, before the corner of a real photo, exact masks."""
    dice, size = np.random.default_rng(2), photos.crops.shape[1]
    for number in range(count):
        photo = GardenPhoto(number % len(SPECIES), 1000 + number, 7, size)
        pixels, where = photo.read(), photo.mask()
        share = photo.compose()[0].planes[3].clip(0, 1)[..., None]
        ground = corner(photos.crops[number % len(photos.crops)], dice)
        mixed = (share * pixels + (1 - share) * ground).round().astype(np.uint8)
        if 0.01 < where.mean() < 0.95:
            yield [Scene(pixels, photo.species, where), Scene(mixed, photo.species, where)]


def corner(crop: RGB, dice: np.random.Generator) -> RGB:
    """One of a photo's corners, 0.4 of its side, enlarged: mostly what is behind the flower."""
    size = len(crop)
    side = int(0.4 * size)
    down, across = (int(dice.integers(0, 2)) * (size - side) for _ in range(2))
    return resized(crop[down : down + side, across : across + side], size)


def resized(crop: RGB, side: int) -> RGB:
    """A square picture at another size."""
    return np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC))


def _different(photos: Material, count: int) -> Iterator[tuple[int, int]]:
    """Pairs of photos of different classes, each photo once as the first."""
    shift = len(photos.labels) // 2
    for first in range(min(count, shift)):
        second = first + shift
        if photos.labels[first] != photos.labels[second]:
            yield first, second
