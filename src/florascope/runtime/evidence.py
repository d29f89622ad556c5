"""A class map spread over the pixels, without torch."""

import numpy as np
from PIL import Image

from florascope.shapes import Float, Float32


def spread(evidence: Float[np.ndarray, "h w"], size: int) -> Float32[np.ndarray, "size size"]:
    """Spread evidence a place over (size, size) pixels, bilinearly, so that it keeps its sum.

    The same as `florascope.explanation.upsampling.spread`: half-pixel centres, and what rounding
    leaves over is shared evenly among all pixels.
    """
    values = evidence.astype(np.float32)
    fine = np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR))
    fine = fine * np.float32(values.size / size**2)
    left_over = values.sum(dtype=np.float64) - fine.sum(dtype=np.float64)
    return (fine + left_over / size**2).astype(np.float32)
