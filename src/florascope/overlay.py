"""Honest pictures of evidence: one scale, both signs, nothing where there is nothing."""

import numpy as np

from florascope.shapes import Float, Float64, UInt8

Values = Float[np.ndarray, "h w"]
Picture = UInt8[np.ndarray, "h w 3"]

# Orange for, blue against: apart for every common kind of colour blindness, equally light.
FOR, AGAINST = (0.86, 0.41, 0.02), (0.10, 0.42, 0.80)
OPACITY = 0.75
FULL = 0.995


def full_colour(values: Values) -> float:
    """Return the evidence at which colour saturates.

    It is the 99.5th percentile of the absolute evidence, so that a few extreme pixels do not wash
    out the rest; 1 where there is no evidence at all.
    """
    every = np.sort(np.abs(values.ravel()))
    # as np.quantile, which would load numpy.ma: a twentieth of an answer's time
    return float(np.interp(FULL * (len(every) - 1), np.arange(len(every)), every)) or 1.0


def heat(values: Values, scale: float) -> Picture:
    """Draw evidence on white: orange for the class, blue against it, white for none."""
    white = np.ones((*values.shape, 3))
    return _blend(white, values, scale, 1.0)


def overlay(crop: Picture, values: Values, scale: float) -> Picture:
    """Lay evidence over the photo, which turns grey; where there is none, it shows through.

    Args:
        crop: what the network saw.
        values: evidence of each pixel.
        scale: evidence at full colour.
    """
    grey = crop.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722]) / 255.0
    return _blend(np.repeat(grey[..., None], 3, axis=2), values, scale, OPACITY)


def _blend(
    ground: Float64[np.ndarray, "h w 3"], values: Values, scale: float, opacity: float
) -> Picture:
    strength = np.clip(np.abs(values.astype(np.float64)) / scale, 0.0, 1.0)[..., None] * opacity
    colour = np.where(values[..., None] >= 0, np.array(FOR), np.array(AGAINST))
    mixed = ground * (1 - strength) + colour * strength
    picture: Picture = (mixed * 255.0).round().astype(np.uint8)
    return picture
