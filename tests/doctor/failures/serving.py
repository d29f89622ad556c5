"""Photos are answered in another way than they were trained."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from florascope.images import read_photo

from .patient import Patient, Plant, World, patient


def other_crop(world: World) -> Patient:
    """Served squashed, trained on the centre."""
    ill = patient(world)
    squash = replace(world.contract, crop_mode="squash", crop_pct=1.0)
    ill.told["serve"] = lambda path: squash(read_photo(Path(path)))
    return ill


def other_interpolation(world: World) -> Patient:
    """Served bicubic, trained bilinear, or the other way round."""
    ill = patient(world)
    other: Any = "bilinear" if world.contract.interpolation == "bicubic" else "bicubic"
    changed = replace(world.contract, interpolation=other)
    ill.told["serve"] = lambda path: changed(read_photo(Path(path)))
    return ill


def exif_ignored(world: World) -> Patient:
    """Phone photos stored lying, opened without turning them."""
    root = world.copy("exif")
    for photo in sorted((root / "val").rglob("*.png"))[::2]:
        with Image.open(photo) as upright:
            exif = Image.Exif()
            exif[0x0112] = 6
            lying = upright.convert("RGB").transpose(Image.Transpose.ROTATE_90)
            lying.save(photo.with_suffix(".jpg"), quality=95, exif=exif)
        photo.unlink()

    def careless(path: str) -> Any:
        with Image.open(path) as stored:
            return np.array(stored.convert("RGB"))

    return patient(world, root=root, reader=careless)


def other_precision(world: World) -> Patient:
    """Deployed with weights of four bits."""
    ill = patient(world)
    coarse = copy.deepcopy(ill.model)
    with torch.no_grad():
        for p in coarse.parameters():
            step = p.abs().max() / 3 + 1e-12
            p.copy_((p / step).round() * step)
    ill.told["deployed"] = coarse
    return ill


FAILURES: dict[Plant, str] = {
    other_crop: "crop or interpolation differs between training and serving",
    other_interpolation: "crop or interpolation differs between training and serving",
    exif_ignored: "EXIF rotation ignored",
    other_precision: "device or precision gives other logits",
}
