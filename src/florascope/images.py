"""From the bytes of a photo to an RGB array, safely: the only decoder in the project."""

import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from florascope.errors import PhotoError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 100_000_000

RGB = UInt8[np.ndarray, "h w 3"]


def read_photo(source: Path | bytes) -> RGB:
    """Decode a photo to 8-bit RGB, upright (EXIF orientation applied), first frame only.

    Args:
        source: a file's path, or the bytes of one.

    Returns:
        Array of shape (h, w, 3), values 0 to 255. Transparent pixels are laid on white.

    Raises:
        PhotoError: the file is missing, empty, too large, truncated or of another format.
    """
    name = source.name if isinstance(source, Path) else "the photo"
    data = read_bytes(source) if isinstance(source, Path) else source
    if not data:
        raise PhotoError(f"{name} is empty (0 bytes)", expected="a photo")
    if len(data) > MAX_BYTES:
        raise PhotoError(
            f"{name} has {len(data):,} bytes",
            expected=f"at most {MAX_BYTES:,}",
            fix="Make it smaller first",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about what is checked here
        return _decode(data, name)


def read_bytes(path: Path) -> bytes:
    """Read a photo's file, stopping just past MAX_BYTES.

    Raises:
        PhotoError: the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoError(
            f"{path} cannot be read ({error.strerror or error})", expected="a photo file"
        ) from error


def _decode(data: bytes, name: str) -> RGB:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(image, name)
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name} is not a photo that can be read",
            expected=f"one of {', '.join(FORMATS)}",
        ) from error
    except Exception as error:  # a damaged file can raise nearly anything in a decoder
        raise PhotoError(
            f"{name} is damaged or cut short ({error})", expected="a complete photo"
        ) from error


def _check_pixels(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{name} has {width} x {height} pixels",
            expected=f"at most {MAX_PIXELS:,} in all",
            fix="Make it smaller first",
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits a channel: scale, do not clip
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(1.0, float(values.max(initial=1.0)))
        return Image.fromarray((values.clip(0, top) * (255.0 / top)).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
