"""Photos of random patches of several sizes, in which no place looks like another."""

import numpy as np
from PIL import Image

from florascope.images import RGB


def textured(seed: int, cells: int = 24, size: tuple[int, int] = (240, 200)) -> RGB:
    """Paint one, of a width and height."""
    draw, total = np.random.default_rng(seed), np.zeros((size[1], size[0], 3))
    for count in (cells // 4, cells // 2, cells):
        coarse = Image.fromarray(draw.integers(0, 256, (count, count, 3), dtype=np.uint8))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) / 3
    return total.astype(np.uint8)
