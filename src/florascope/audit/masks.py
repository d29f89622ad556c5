"""Where the flower is, as a person or a generator marked it."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from florascope.data.dataset import Photo
from florascope.errors import DataError
from florascope.images import MAX_PIXELS, read_bytes

Mask = UInt8[np.ndarray, "h w"]
MaskOf = Callable[[Photo], Mask | None]

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


@dataclass(frozen=True, slots=True)
class MaskFolder:
    """Index PNGs named as the photos are: 7.png for rose/7.jpg.

    Attributes:
        path: the folder.
        ids: what the numbers mean.

    Raises:
        DataError: the folder is not there; when called, a mask is no index PNG.
    """

    path: Path
    ids: MaskIds = field(default_factory=MaskIds)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise DataError(f"{self.path} is not a folder", expected="a folder of PNG masks")

    def __call__(self, photo: Photo) -> Mask | None:
        """Return the photo's mask, of the file's size; None where there is none."""
        file = self.file(photo)
        return _read(file, self.ids) if file.is_file() else None

    def file(self, photo: Photo) -> Path:
        """Return where the photo's mask is looked for."""
        return self.path / f"{Path(photo.name).stem}.png"


def no_mask(photo: Photo) -> Mask | None:  # noqa: ARG001 (a MaskOf)
    """Return no mask."""
    return None


def own_mask(photo: Photo) -> Mask | None:
    """Return the mask that a photo knows itself, as those of the garden do."""
    if not isinstance(photo, MaskedPhoto):
        return None
    return np.where(photo.mask(), FLOWER, BACKGROUND).astype(np.uint8)


def tells_apart(mask: Mask) -> bool:
    """Whether a mask has both flower and background: without, there is nothing to find."""
    return bool((mask == FLOWER).any() and (mask == BACKGROUND).any())


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
