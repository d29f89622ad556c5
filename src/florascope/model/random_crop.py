"""A random part of a photo, resized to the network's input."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from florascope.images import RGB
from florascope.model.preprocessing import Crop

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
