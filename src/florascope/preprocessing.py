"""From an RGB photo to the network's input: the one contract that every use shares."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from PIL import Image

from florascope.errors import BundleError, check_arguments
from florascope.images import RGB
from florascope.shapes import Float32, UInt8

Crop = UInt8[np.ndarray, "size size 3"]
Interpolation = Literal["bilinear", "bicubic", "lanczos"]
CropMode = Literal["center", "squash"]

MAX_SIZE = 1024  # timm's largest; a stranger's bundle may not ask for all the memory
LARGEST = 1e6  # of a mean or deviation; beyond, float32 overflows in the network
LONGEST = 32  # sides; no camera's panorama is longer, and the crop shows the middle one

_RESAMPLE = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@check_arguments(BundleError)
@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Size, crop, interpolation and scaling, stored in every bundle.

    A photo is resized and cropped to (size, size), scaled to [0, 1] and then standardised:
    x = (pixel / 255 - mean) / std.

    Attributes:
        size: height and width of the network's input, in pixels.
        crop_pct: share of the resized shorter side that the centre crop keeps (0.875: the shorter
            side becomes size / 0.875, rounded down as timm does, then the middle is cut out).
        crop_mode: "center" keeps the aspect ratio; "squash" makes both sides the shorter one,
            so that a crop_pct of 1 shows the whole photo.
        interpolation: of the resize, with antialiasing, as Pillow computes it.
        mean: subtracted, one value a channel, in [0, 1] units.
        std: divided by, one value a channel, in [0, 1] units.
        channel_order: "rgb", or "bgr" for networks trained on OpenCV's order.
    """

    size: int = 224
    crop_pct: float = 0.875
    crop_mode: CropMode = "center"
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    channel_order: Literal["rgb", "bgr"] = "rgb"

    @property
    def shorter(self) -> int:
        """Pixels of a photo's shorter side after resizing: a decoder need give no more."""
        return math.floor(self.size / self.crop_pct)

    def crop(self, rgb: RGB) -> Crop:
        """Resize and crop a photo of any size to (size, size, 3), still 8-bit RGB."""
        return self._cut_out(rgb, _RESAMPLE[self.interpolation])

    def crop_mask(self, mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "size size"]:
        """Resize and crop a photo's label mask as `crop` does the photo, to (size, size).

        Each pixel takes the label of the nearest one, so that no labels are mixed.
        """
        return self._cut_out(mask, Image.Resampling.NEAREST)

    def normalise(
        self, crops: UInt8[np.ndarray, "b size size 3"]
    ) -> Float32[np.ndarray, "b 3 size size"]:
        """Scale and standardise 8-bit crops into a contiguous float32 NCHW batch."""
        scale = (1.0 / (255.0 * np.array(self.std))).astype(np.float32)
        shift = (np.array(self.mean) / np.array(self.std)).astype(np.float32)
        # bytes change their layout eight times as fast as floats would
        batch: Float32[np.ndarray, "b 3 size size"] = np.array(
            np.ascontiguousarray(crops.transpose(0, 3, 1, 2)), np.float32
        )
        batch *= scale[:, None, None]
        batch -= shift[:, None, None]
        return np.ascontiguousarray(batch[:, ::-1]) if self.channel_order == "bgr" else batch

    def __call__(self, rgb: RGB) -> Float32[np.ndarray, "3 size size"]:
        """Photo of any size to one network input, (3, size, size)."""
        (single,) = self.normalise(self.crop(rgb)[None])
        return np.asarray(single)

    def denormalise(
        self, batch: Float32[np.ndarray, "b 3 size size"]
    ) -> UInt8[np.ndarray, "b size size 3"]:
        """Undo `normalise`, to look at what the network saw."""
        values = batch.transpose(0, 2, 3, 1)
        if self.channel_order == "bgr":
            values = values[..., ::-1]
        unit = values * np.array(self.std, np.float32) + np.array(self.mean, np.float32)
        pixels: UInt8[np.ndarray, "b size size 3"] = (
            (unit * 255.0).round().clip(0, 255).astype(np.uint8)
        )
        return pixels

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read the settings back.

        Raises:
            BundleError: a setting is missing, unknown or out of range.
        """
        try:
            made = cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
        except (TypeError, KeyError, BundleError) as error:
            raise BundleError(
                f"preprocessing settings do not fit ({getattr(error, 'found', error)})",
                expected=", ".join(cls.__dataclass_fields__),
            ) from error
        made.check()
        return made

    def check(self) -> None:
        """Raise BundleError where a setting cannot be meant."""
        if not self._is_in_range():
            raise BundleError(
                f"preprocessing settings out of range: {self.to_json()}",
                expected=f"a size of 8 to {MAX_SIZE}, crop_pct of 0.1 to 1, three means and stds",
            )

    def _is_in_range(self) -> bool:
        return (
            8 <= self.size <= MAX_SIZE
            and 0.1 <= self.crop_pct <= 1.0
            and len(self.mean) == len(self.std) == 3
            and all(isinstance(v, float | int) for v in (*self.mean, *self.std))
            and all(abs(v) <= LARGEST for v in self.mean)
            and all(1 / LARGEST <= v <= LARGEST for v in self.std)
        )

    def _cut_out(
        self, pixels: UInt8[np.ndarray, "h w *c"], resample: Image.Resampling
    ) -> UInt8[np.ndarray, "size size *c"]:
        short = self.shorter
        squash = self.crop_mode == "squash"
        image = Image.fromarray(pixels if squash else _middle(pixels))
        sides = (short, short) if squash else _scaled(image.size, short)
        scaled = image.resize(sides, resample)
        left, top = (round((side - self.size) / 2) for side in scaled.size)
        return np.asarray(scaled.crop((left, top, left + self.size, top + self.size)))


def _middle(pixels: UInt8[np.ndarray, "_ _ *c"]) -> UInt8[np.ndarray, "_ _ *c"]:
    """Cut off what lies far outside the crop.

    Resized whole, a photo of 1 x 20,000 pixels takes 4 GB.
    """
    height, width = pixels.shape[:2]
    reach = LONGEST * min(height, width)
    top, left = max(0, (height - reach) // 2), max(0, (width - reach) // 2)
    return pixels[top : top + reach, left : left + reach]


def _scaled(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Width and height after the shorter side becomes short (torchvision's rounding)."""
    width, height = size
    if width <= height:
        return short, int(short * height / width)
    return int(short * width / height), short


SCALINGS = {
    "pixels": Preprocessing(mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255)),
    "unit": Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    "tf": Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "torch": Preprocessing(),
    "caffe": Preprocessing(
        mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
        std=(1 / 255, 1 / 255, 1 / 255),
        channel_order="bgr",
    ),
}
"""What networks take, by name: 0 to 255, 0 to 1, or one of the modes of Keras's `preprocess_input`:
-1 to 1, ImageNet's mean and deviation, and pixels in BGR less ImageNet's mean."""
