"""Train and val do not divide the photos as they should."""

import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch.utils.data import DataLoader, Subset

from .patient import Patient, Plant, World, patient, photos


def tiny_split(world: World) -> Patient:
    """Four val photos."""
    ill = patient(world)
    ill.val = DataLoader(Subset(ill.val.dataset, [0, 1, 2, 3]), 16)
    return ill


def swapped_split(world: World) -> Patient:
    """Train is the smaller part."""
    root = world.scratch / "swapped"
    if not root.exists():
        shutil.copytree(world.root / "val", root / "train")
        shutil.copytree(world.root / "train", root / "val")
        for number, photo in enumerate(sorted((root / "train").rglob("*.png"))):
            if number % 2:
                photo.unlink()
    return patient(world, root=root)


def shared_paths(world: World) -> Patient:
    """Val is drawn from the files of train."""
    ill = patient(world)
    plain = ill.val.dataset.transform
    every_second = range(0, len(ill.train.dataset), 2)
    ill.val = DataLoader(Subset(photos(world.root / "train", plain), every_second), 16)
    return ill


def _leak(world: World, name: str, save: Callable[[Image.Image, Path], None]) -> Patient:
    """A third of val becomes copies of train photos of the same class."""
    root = world.copy(name)
    for folder in sorted((root / "val").iterdir()):
        own = sorted((root / "train" / folder.name).iterdir())
        for target, source in list(zip(sorted(folder.iterdir()), own, strict=False))[::3]:
            with Image.open(source) as photo:
                target.unlink()
                save(photo.convert("RGB"), target)
    return patient(world, root=root)


def shared_bytes(world: World) -> Patient:
    """The same photos under other names."""
    root = world.copy("bytes")
    for folder in sorted((root / "val").iterdir()):
        own = sorted((root / "train" / folder.name).iterdir())
        for target, source in list(zip(sorted(folder.iterdir()), own, strict=False))[::3]:
            shutil.copyfile(source, target)
    return patient(world, root=root)


def near_duplicates(world: World) -> Patient:
    """The same photos, resized and saved again."""
    return _leak(
        world,
        "near",
        lambda photo, path: photo.resize((photo.width * 3 // 4, photo.height * 3 // 4)).save(
            path.with_suffix(".jpg"), quality=75
        ),
    )


FAILURES: dict[Plant, str] = {
    tiny_split: "split is tiny",
    swapped_split: "train and validation swapped",
    shared_paths: "train and validation share files",
    shared_bytes: "train and validation share photos (equal bytes)",
    near_duplicates: "train and validation share photos (near-duplicates)",
}
