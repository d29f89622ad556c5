"""A small world for the failures: painted photos and timm's smallest network."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import nn

from florascope.preprocessing import Preprocessing

failures: Any = import_module("failures")

CONTRACT = Preprocessing(size=56, crop_pct=0.875)
CLASSES = 12
COLOURS = ((225, 60, 50), (240, 200, 40), (110, 60, 200), (240, 240, 235))
WIDTH = 96


def paint(kind: int, seed: int) -> Image.Image:
    """A photo of 96 x 80: a blurred ground, with one of three shapes in one of four colours."""
    draw = np.random.default_rng([kind, seed])
    ground = draw.uniform(0, 160, (6, 6, 3)).astype(np.uint8)
    image = Image.fromarray(ground).resize((96, 80), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    x, y, r = draw.uniform(34, 62), draw.uniform(30, 50), draw.uniform(16, 26)
    colour = tuple(
        int(v) for v in np.clip(np.array(COLOURS[kind % 4]) + draw.normal(0, 12, 3), 0, 255)
    )
    if kind // 4 == 0:
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif kind // 4 == 1:
        for step in (-r, -r / 3, r / 3):
            pen.rectangle((x - r, y + step, x + r, y + step + r / 3), fill=colour)
    else:
        for angle in np.linspace(0, 2 * np.pi, 6)[:-1]:
            u, v = x + 0.7 * r * np.cos(angle), y + 0.7 * r * np.sin(angle)
            pen.ellipse((u - r / 3, v - r / 3, u + r / 3, v + r / 3), fill=colour)
    pen.rectangle((20, 14, 24, 18), fill=(0, 0, 0))
    pen.rectangle((70, 14, 74, 18), fill=(255, 255, 255))
    image = image.filter(ImageFilter.GaussianBlur(0.5))
    pixels = np.asarray(image, np.float64) + draw.normal(0, 4, (80, 96, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def backbone() -> nn.Module:
    """timm's test_resnet with fixed weights whose BatchNorm has seen painted photos."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: nn.Module = timm.create_model("test_resnet", num_classes=0)
        images = torch.from_numpy(
            np.stack([CONTRACT(np.asarray(paint(k % CLASSES, 900 + k))) for k in range(24)])
        )
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.1)
                nn.init.normal_(module.bias, 0.0, 0.1)
        net.train()
        with torch.no_grad():
            for _ in range(30):
                net(images)
    return net.eval()


def make_world(root: Path) -> Any:
    """Paint train (12 a class) and val (6 a class)."""
    for side, count, first in (("train", 12, 0), ("val", 6, 500)):
        for kind in range(CLASSES):
            folder = root / "photos" / side / f"species {kind + 1:02d}"
            folder.mkdir(parents=True)
            for number in range(count):
                paint(kind, first + number).save(folder / f"{side}{number}.png")
    state = backbone().state_dict()

    def fresh() -> nn.Module:
        net: nn.Module = timm.create_model("test_resnet", num_classes=0)
        net.load_state_dict(state)
        return net.eval()

    return failures.World(root / "photos", root / "scratch", CONTRACT, fresh, WIDTH)
