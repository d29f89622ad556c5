"""Random brightness, contrast and saturation of 8-bit crops."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

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
