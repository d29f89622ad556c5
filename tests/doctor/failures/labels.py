"""Labels do not mean the same class everywhere, or not the photo's."""

import numpy as np
from PIL import Image

from .patient import Patient, Plant, World, learn, patient, relabel


def one_based(world: World) -> Patient:
    """Labels from 1 to K."""
    ill = patient(world)
    ill.train, ill.val = (relabel(loader, lambda k: k + 1) for loader in (ill.train, ill.val))
    return ill


def text_order(world: World) -> Patient:
    """Val numbers its classes 1, 10, 2, ..., train 1, 2, ..., 10."""
    ill = patient(world)
    names = [str(k + 1) for k in range(len(ill.train.dataset.classes))]
    text = sorted(names)
    ill.val = relabel(ill.val, lambda k: text.index(names[k]))
    return ill


def class_lists(world: World) -> Patient:
    """The two data sets publish different lists of classes."""
    ill = patient(world)
    ill.val.dataset.classes = ill.val.dataset.classes[::-1]
    return ill


def shifted(world: World) -> Patient:
    """Val's labels are one too high, around the end."""
    ill = patient(world)
    K = len(ill.train.dataset.classes)
    ill.val = relabel(ill.val, lambda k: (k + 1) % K)
    return ill


def shuffled_labels(world: World) -> Patient:
    """Val's labels lie in another order than its photos."""
    ill = patient(world)
    targets = np.random.default_rng(0).permutation(ill.val.dataset.targets)
    data = ill.val.dataset
    data.samples = [(path, int(k)) for (path, _), k in zip(data.samples, targets, strict=True)]
    return ill


def noisy_labels(world: World) -> Patient:
    """Two fifths of the train labels are drawn at random from the other classes."""
    ill = patient(world)
    data, draw = ill.train.dataset, np.random.default_rng(0)
    K = len(data.classes)
    off = np.where(draw.random(len(data.samples)) < 0.4, draw.integers(1, K, len(data.samples)), 0)
    data.samples = [
        (path, (k + int(step)) % K) for (path, k), step in zip(data.samples, off, strict=True)
    ]
    learn(ill)
    return ill


def stray_class(world: World) -> Patient:
    """A folder of previews passes for a class."""
    root = world.copy("stray")
    for side in ("train", "val"):
        first = min((root / side).iterdir())
        (root / side / ".previews").mkdir()
        for photo in sorted(first.iterdir())[:3]:
            with Image.open(photo) as preview:
                preview.rotate(90).resize((40, 40)).save(root / side / ".previews" / photo.name)
    return patient(world, root=root)


FAILURES: dict[Plant, str] = {
    one_based: "labels start at 1",
    text_order: "label order differs (1, 10, 100 for 1, 2, 3)",
    class_lists: "label order differs (1, 10, 100 for 1, 2, 3)",
    shifted: "labels shifted between splits",
    shuffled_labels: "labels shuffled between splits",
    noisy_labels: "label noise",
    stray_class: "a stray folder as a class",
}
