"""What the network gives for one photo, in one pass."""

from dataclasses import dataclass

import numpy as np

from florascope.model.preprocessing import Crop
from florascope.shapes import Float32


@dataclass(frozen=True, eq=False)
class Observation:
    """One photo through the bundle's graph.

    Attributes:
        crop: what the network saw, (size, size, 3).
        logits: (K,).
        maps: (K, h, w) class activation maps of all classes in logit units, each summing to its
            logit less the bias; None where the network does not pool linearly.
        alike: largest cosine of its features to a class mean; None in a bundle without means.
        features: (c,) what the head reads; None where the graph does not give them.
    """

    crop: Crop
    logits: Float32[np.ndarray, "k"]
    maps: Float32[np.ndarray, "k h w"] | None
    alike: float | None
    features: Float32[np.ndarray, "c"] | None = None
