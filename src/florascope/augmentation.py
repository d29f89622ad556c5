"""What training changes about a photo: geometry, random crops, colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from PIL import Image
from torch.nn.functional import affine_grid, grid_sample

from florascope.images import RGB
from florascope.preprocessing import Crop

Crops = UInt8[np.ndarray, "b size size 3"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Geometric augmentation, each range drawn uniformly from [-range, +range].

    The outside of the photo is filled by reflection, as Keras's random layers do.

    Attributes:
        rotation: degrees.
        zoom: share of the scale (0.2: from 0.8 to 1.2).
        translate_x: share of the width.
        translate_y: share of the height.
        flip: mirror left and right with probability one half.
    """

    rotation: float = 20.0
    zoom: float = 0.1
    translate_x: float = 0.1
    translate_y: float = 0.1
    flip: bool = True

    def matrix(self, seed: int, epoch: int, index: int) -> Float32[np.ndarray, "2 3"]:
        """Draw the map from output to input places for one photo in one epoch.

        Places are in [-1, 1] over the width and height; the draw depends on the three numbers
        alone, so that an interrupted run goes on with the very same photos.
        """
        draw = np.random.default_rng([seed, epoch, index])
        angle, zoom, x, y, mirrored = draw.uniform(-1.0, 1.0, 5)
        turn, scale = np.deg2rad(self.rotation * angle), 1.0 + self.zoom * zoom
        mirror = -1.0 if self.flip and mirrored > 0 else 1.0
        cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
        shift = 2.0 * self.translate_x * x, 2.0 * self.translate_y * y
        return np.array(
            [[cos * mirror, -sin, shift[0]], [sin * mirror, cos, shift[1]]], dtype=np.float32
        )

    @property
    def flips_alone(self) -> bool:
        """Whether nothing moves but by mirroring, which needs no interpolation."""
        return self.rotation == self.zoom == self.translate_x == self.translate_y == 0

    def __call__(self, crops: Crops, *, seed: int, epoch: int, indexes: Sequence[int]) -> Crops:
        """Augment a batch of 8-bit crops, bilinearly; same arguments, same pixels.

        Args:
            crops: (b, size, size, 3).
            seed: of the run.
            epoch: or number of the view.
            indexes: of the b photos in their data set.
        """
        matrices = np.stack([self.matrix(seed, epoch, i) for i in indexes])
        if self.flips_alone:
            return _mirrored(crops, matrices[:, 0, 0] < 0)
        theta = torch.from_numpy(matrices)
        images = torch.tensor(crops).permute(0, 3, 1, 2).float()  # a copy: crops may be read-only
        grid = affine_grid(theta, list(images.shape), align_corners=False)
        moved = grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        return np.ascontiguousarray(moved.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())


def _mirrored(crops: Crops, which: Bool[np.ndarray, "b"]) -> Crops:
    changed = crops.copy()
    changed[which] = crops[which, :, ::-1]
    return changed


TRIES = 10

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class RandomCrop:
    """The "Inception" crop (Szegedy et al. 2015): a random area of a random aspect ratio.

    Attributes:
        min_area: smallest share of the photo's area; the largest is 1.
        ratio: largest stretch of the sides, drawn evenly in the logarithm from 1/ratio to ratio.
    """

    min_area: float = 0.3
    ratio: float = 4 / 3

    def box(self, width: int, height: int, draw: np.random.Generator) -> Box:
        """Draw left, top, right and bottom, in pixels; the whole photo if nothing fits."""
        for _ in range(TRIES):
            area = draw.uniform(self.min_area, 1.0) * width * height
            stretch = math.exp(draw.uniform(-1.0, 1.0) * math.log(self.ratio))
            w, h = math.sqrt(area * stretch), math.sqrt(area / stretch)
            if w <= width and h <= height:
                left, top = draw.uniform(0.0, width - w), draw.uniform(0.0, height - h)
                return left, top, left + w, top + h
        return 0.0, 0.0, float(width), float(height)

    def __call__(self, rgb: RGB, size: int, draw: np.random.Generator) -> Crop:
        """Cut a photo out and resize it to (size, size, 3), bilinearly with antialiasing."""
        height, width = rgb.shape[:2]
        box = self.box(width, height, draw)
        image = Image.fromarray(rgb)
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's greyscale

Pixels = UInt8[np.ndarray, "size size 3"]


@dataclass(frozen=True, slots=True)
class ColourJitter:
    """Each factor is drawn uniformly from [1 - strength, 1 + strength].

    Attributes:
        strength: from 0 (nothing changes) to below 1.
    """

    strength: float = 0.2

    def __call__(self, crop: Pixels, draw: np.random.Generator) -> Pixels:
        """Multiply brightness, then the distances to the mean grey and to each pixel's grey."""
        brightness, contrast, saturation = draw.uniform(-1.0, 1.0, 3) * self.strength + 1.0
        values = crop.astype(np.float32) * np.float32(brightness)
        values = _away(values, (values @ LUMA).mean().reshape(1, 1, 1), contrast)
        values = _away(values, (values @ LUMA)[..., None], saturation)
        jittered: Pixels = values.round().clip(0, 255).astype(np.uint8)
        return jittered


def _away(
    values: Float32[np.ndarray, "size size 3"], grey: Float32[np.ndarray, "_ _ 1"], factor: float
) -> Float32[np.ndarray, "size size 3"]:
    moved: Float32[np.ndarray, "size size 3"] = grey + (values - grey) * np.float32(factor)
    return moved
