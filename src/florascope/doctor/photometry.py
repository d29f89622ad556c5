"""How photos became tensors, by least squares, and how they become tensors as they should."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image

from florascope.images import read_photo
from florascope.preprocessing import Preprocessing

STEP = 2  # every second row and column is enough
EXACT = 0.9995  # R^2 of the same geometry, up to the rounding of 8-bit pixels
CLEARLY = 3.0  # times less unexplained: another geometry is clearly the better one

Tensor3 = Float32[np.ndarray, "3 rows columns"]
Photo = UInt8[np.ndarray, "_ _ 3"]  # photos of one call may differ in size
Source = Path | str | Photo
"""A photo: its file, or its 8-bit RGB pixels."""


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


LOOKED_AT = 8  # photos that are compared with their tensors


class Match(NamedTuple):
    """How some val photos became tensors; each None where it cannot be told.

    Attributes:
        fit: in the loader.
        rotated: R^2 of photos with an EXIF rotation, upright and as stored.
        serving: where the network answers.
    """

    fit: Fit | None = None
    rotated: tuple[float, float] | None = None
    serving: Fit | None = None


def explain(
    given: Callable[[int], Any],
    photos: Sequence[Source],
    contract: Preprocessing | None,
    served: Callable[[int], Any] | None = None,
) -> Match:
    """Compare some photos with their tensors, pixel by pixel.

    Args:
        given: the tensor of a photo, (3, h, w), by its number.
        photos: by their numbers.
        contract: what the network expects.
        served: the tensor of a photo where the network answers, by its number.
    """
    chosen = _chosen(photos, LOOKED_AT)
    tensors = [given(i) for i in chosen]
    if tensors[0].ndim != 3 or tensors[0].shape[0] != 3:
        return Match()
    expected = contract or Preprocessing(size=tensors[0].shape[-1])
    upright = [pixels_of(photos[i]) for i in chosen]
    turned = [n for n, i in enumerate(chosen) if _orientation(photos[i]) != 1]
    straight = [n for n in range(len(chosen)) if n not in turned] or turned
    plain = _some(upright, straight)
    fit = fit_photometry(_some(tensors, straight), plain, expected)
    if served is not None:
        answered = [served(chosen[n]) for n in straight]
        return Match(fit, None, fit_photometry(answered, plain, expected))
    if not turned:
        return Match(fit)
    lying = [read_photo(Path(str(photos[chosen[n]])), upright=False) for n in turned]
    up, down = (
        fit_photometry(_some(tensors, turned), stood, expected).r2
        for stood in (_some(upright, turned), lying)
    )
    return Match(fit, (up, down))


def _chosen(photos: Sequence[Source], count: int) -> list[int]:
    """Choose photos to look at: some with an EXIF rotation where there are any, then the first."""
    step = max(1, len(photos) // 512)
    some = list(range(0, len(photos), step))
    turned = [i for i in some if _orientation(photos[i]) != 1][: count // 2]
    return turned + [i for i in some if i not in turned][: count - len(turned)]


def _orientation(photo: Source) -> int:
    """EXIF's orientation of a photo's file; 1 for pixels."""
    from florascope.health.looks import orientation

    return 1 if isinstance(photo, np.ndarray) else orientation(Path(photo))


def _some(items: Sequence[Any], indexes: Sequence[int]) -> list[Any]:
    return [items[i] for i in indexes]


def pixels_of(photo: Source) -> Photo:
    """A photo's pixels, upright.

    Raises:
        PhotoError: its file cannot be read.
    """
    return photo if isinstance(photo, np.ndarray) else read_photo(Path(photo))


def read_again(
    photos: Sequence[Photo],
    sides: tuple[int, int],
    like: Float32[np.ndarray, "n 3 h w"],
    contract: Preprocessing | None = None,
) -> list[Float32[np.ndarray, "b 3 rows columns"]]:
    """Photos as tensors, in colour, in each way that a network may expect.

    Args:
        photos: upright.
        sides: rows and columns to make.
        like: photos as a loader gives them: the first way is whole, with each channel's mean and
            deviation of theirs.
        contract: what the weights expect: the second way, where sides are equal.
    """
    rows, columns = sides
    bilinear = Image.Resampling.BILINEAR
    small = [Image.fromarray(photo).resize((columns, rows), bilinear) for photo in photos]
    unit = np.stack([np.asarray(one) for one in small]).transpose(0, 3, 1, 2) / np.float32(255)
    (mean, deviation), (wanted, spread) = (
        (x.mean((0, 2, 3), keepdims=True), x.std((0, 2, 3), keepdims=True)) for x in (unit, like)
    )
    made = [(unit - mean) / np.maximum(deviation, 1e-6) * spread + wanted]
    if contract is not None and rows == columns:
        made.append(np.stack([replace(contract, size=rows)(photo) for photo in photos]))
    return [np.asarray(x, np.float32) for x in made]
