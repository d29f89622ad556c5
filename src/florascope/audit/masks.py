"""Where the flower is, as a person or a generator marked it."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from florascope.data.dataset import Photo
from florascope.errors import DataError
from florascope.images import MAX_PIXELS, read_bytes

Mask = UInt8[np.ndarray, "h w"]

UNKNOWN, FLOWER, BACKGROUND = 0, 1, 3


@runtime_checkable
class MaskedPhoto(Protocol):
    """A photo that knows its own mask, as those of `florascope.data.garden` do."""

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Return which pixels are the flower's, (h, w) of the photo's size."""
        ...


@dataclass(frozen=True, slots=True)
class MaskIds:
    """What a mask file's numbers mean; every other number is unknown and left out.

    The defaults are those of Oxford Flowers 17's trimaps.
    """

    flower: int = FLOWER
    background: int = BACKGROUND


def read_masks(
    folder: Path | None, photos: Sequence[Photo], ids: MaskIds | None = None
) -> list[Mask | None]:
    """Find each photo's mask: its own, or a PNG of the same stem in the folder.

    Args:
        folder: of index PNGs (rose/7.jpg has 7.png); None where the photos know their own.
        photos: the photos.
        ids: what the PNGs' numbers mean.

    Returns:
        One mask a photo, of the photo's size; None where there is none.

    Raises:
        DataError: the folder is not there, a mask is no index PNG, or none fits any photo.
    """
    if folder is not None and not folder.is_dir():
        raise DataError(f"{folder} is not a folder", expected="a folder of PNG masks")
    masks = [_mask_of(photo, folder, ids or MaskIds()) for photo in photos]
    if not any(mask is not None and tells_apart(mask) for mask in masks):
        found = sum(mask is not None for mask in masks)
        raise DataError(
            f"{found} of {len(photos)} photos have a mask, none with flower and background",
            expected="masks named as the photos are (image_0008.png for image_0008.jpg), with"
            f" {ids or MaskIds()}",
        )
    return masks


def tells_apart(mask: Mask) -> bool:
    """Whether a mask has both flower and background: without, there is nothing to find."""
    return bool((mask == FLOWER).any() and (mask == BACKGROUND).any())


def _mask_of(photo: Photo, folder: Path | None, ids: MaskIds) -> Mask | None:
    if isinstance(photo, MaskedPhoto):
        return np.where(photo.mask(), FLOWER, BACKGROUND).astype(np.uint8)
    path = folder / f"{Path(photo.name).stem}.png" if folder else None
    return _read(path, ids) if path is not None and path.is_file() else None


def _read(path: Path, ids: MaskIds) -> Mask:
    numbers = _indexes(path)
    mask = np.full(numbers.shape, UNKNOWN, np.uint8)
    mask[numbers == ids.flower] = FLOWER
    mask[numbers == ids.background] = BACKGROUND
    return mask


def _indexes(path: Path) -> Mask:
    """Decode a PNG to its numbers, not its colours."""
    try:
        with Image.open(io.BytesIO(read_bytes(path)), formats=("PNG",)) as image:
            if image.mode not in {"L", "P"} or image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path} has mode {image.mode} and {image.width} x {image.height} pixels",
                    expected=f"an 8-bit grey or palette PNG of at most {MAX_PIXELS:,} pixels",
                )
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read ({error})", expected="a PNG mask") from error
