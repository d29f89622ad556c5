"""How photos became tensors: geometry, channel order, gain and offset, by least squares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from florascope.preprocessing import Preprocessing

STEP = 2  # every second row and column is enough
EXACT = 0.9995  # R^2 of the same geometry, up to the rounding of 8-bit pixels
CLEARLY = 3.0  # times less unexplained: another geometry is clearly the better one

Tensor3 = Float32[np.ndarray, "3 rows columns"]
Photo = UInt8[np.ndarray, "_ _ 3"]  # photos of one call may differ in size


class Normalisation(NamedTuple):
    """A known scaling x = (pixel / 255 - mean) / std."""

    name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


NORMALISATIONS = (
    Normalisation("[0, 1]", (0.0,) * 3, (1.0,) * 3),
    Normalisation("[-1, 1]", (0.5,) * 3, (0.5,) * 3),
    Normalisation("ImageNet's", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    Normalisation(
        "CLIP's", (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    ),
)


@dataclass(frozen=True, eq=False)
class Fit:
    """x_c = gain_c * pixel_order(c) / 255 + offset_c.

    Attributes:
        geometry: name of the resize and crop that fits best.
        order: "rgb", "bgr", or "reshaped" where (h, w, 3) was read as (3, h, w).
        gain: one value a channel.
        offset: one value a channel.
        r2: share of the tensors' variance that is explained.
        contract_r2: the same with the contract's own geometry.
    """

    geometry: str
    order: str
    gain: Float64[np.ndarray, "3"]
    offset: Float64[np.ndarray, "3"]
    r2: float
    contract_r2: float

    @property
    def std(self) -> Float64[np.ndarray, "3"]:
        """The standard deviation that was divided by, in [0, 1] units."""
        return 1 / np.where(self.gain == 0, np.inf, self.gain)

    @property
    def mean(self) -> Float64[np.ndarray, "3"]:
        """The mean that was subtracted, in [0, 1] units."""
        return -self.offset * self.std


def fit_photometry(
    tensors: Sequence[Tensor3], photos: Sequence[Photo], contract: Preprocessing
) -> Fit:
    """Explain tensors by photos, trying the contract's geometry first, then others.

    Args:
        tensors: as a loader gives them, all of one size.
        photos: the same photos as 8-bit RGB.
        contract: what the network expects.
    """
    size = tensors[0].shape[-1]
    stack = np.stack(tensors)[:, :, ::STEP, ::STEP]
    own = _fits(CONTRACT, replace(contract, size=size), tensors, stack, photos)
    if own.r2 >= EXACT:
        return own
    others = [
        _fits(name, replace(contract, size=size, **changes), tensors, stack, photos)
        for name, changes in GEOMETRIES.items()
    ]
    best = max(others, key=lambda fit: fit.r2)
    clearly = (1 - best.r2) * CLEARLY < 1 - own.r2
    return replace(best, contract_r2=own.r2) if clearly else own


CONTRACT = "the contract's"
GEOMETRIES: dict[str, dict[str, Any]] = {
    "squashed to a square": {"crop_mode": "squash", "crop_pct": 1.0},
    "squashed to a square, bicubic": {
        "crop_mode": "squash",
        "crop_pct": 1.0,
        "interpolation": "bicubic",
    },
    "whole shorter side, centre crop": {"crop_mode": "center", "crop_pct": 1.0},
    "centre crop of 87.5 %": {"crop_mode": "center", "crop_pct": 0.875},
    "centre crop of 95 %": {"crop_mode": "center", "crop_pct": 0.95},
    "bilinear": {"interpolation": "bilinear"},
    "bicubic": {"interpolation": "bicubic"},
    "Lanczos": {"interpolation": "lanczos"},
}


def _fits(
    name: str,
    geometry: Preprocessing,
    tensors: Sequence[Tensor3],
    stack: Float32[np.ndarray, "b 3 y x"],
    photos: Sequence[Photo],
) -> Fit:
    """Fit one geometry with the channel order that explains most."""
    crops = np.stack([geometry.crop(photo) for photo in photos])
    unit = (crops / 255.0).transpose(0, 3, 1, 2)[:, :, ::STEP, ::STEP]
    scrambled = [t.reshape(*t.shape[1:], 3).transpose(2, 0, 1)[:, ::STEP, ::STEP] for t in tensors]
    choices = (
        _regress(name, "rgb", stack, unit),
        _regress(name, "bgr", stack, unit[:, ::-1]),
        _regress(name, "reshaped", np.stack(scrambled), unit),
    )
    best, plain = max(choices, key=lambda fit: fit.r2), choices[0]
    # Of grey photos every order explains the same.
    return best if (1 - best.r2) * CLEARLY < 1 - plain.r2 else plain


def _regress(
    geometry: str,
    order: str,
    tensors: Float32[np.ndarray, "b 3 y x"],
    unit: Float64[np.ndarray, "b 3 y x"],
) -> Fit:
    """Least squares, channel by channel, over all pixels."""
    x = tensors.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    p = unit.transpose(1, 0, 2, 3).reshape(3, -1)
    dx, dp = x - x.mean(1, keepdims=True), p - p.mean(1, keepdims=True)
    gain = (dx * dp).sum(1) / np.maximum((dp * dp).sum(1), 1e-12)
    left, total = ((dx - gain[:, None] * dp) ** 2).sum(), (dx * dx).sum()
    r2 = float(1 - left / total) if total > 0 else 0.0
    return Fit(geometry, order, gain, x.mean(1) - gain * p.mean(1), r2, r2)
