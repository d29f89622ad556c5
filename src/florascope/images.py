"""From the bytes of a photo to an RGB array, safely: the only decoder in the project."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from florascope.errors import PhotoError
from florascope.shapes import UInt8

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 89_000_000  # just below the size at which Pillow itself begins to warn

# Once, here: warnings.catch_warnings around each photo would not be safe when threads decode.
warnings.filterwarnings("ignore", "Corrupt EXIF data|Tag data larger than file", UserWarning)

RGB = UInt8[np.ndarray, "h w 3"]


def read_photo(source: Path | bytes, *, shorter: int = 0) -> RGB:
    """Decode a photo to 8-bit RGB, upright (EXIF orientation applied), first frame only.

    Args:
        source: a file's path, or the bytes of one.
        shorter: pixels of the shorter side that will do: a larger JPEG may come at a half, quarter
            or eighth of its size, decoded in a fraction of the time. 0 decodes every pixel.

    Returns:
        Array of shape (h, w, 3), values 0 to 255, its memory its own. Transparent pixels are
        laid on white.

    Raises:
        PhotoError: the file is missing, empty, too large, truncated or of another format.
    """
    name = str(source) if isinstance(source, Path) else "the photo"
    data = read_bytes(source) if isinstance(source, Path) else source
    if not data:
        raise PhotoError(f"{name} is empty (0 bytes)", expected="a photo")
    if len(data) > MAX_BYTES:
        raise PhotoError(
            f"{name} has {len(data):,} bytes",
            expected=f"at most {MAX_BYTES:,}",
            fix="Make it smaller first",
        )
    return _decode(data, name, shorter)


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


def _decode(data: bytes, name: str, shorter: int) -> RGB:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(image, name)
            if shorter:
                image.draft(None, (shorter, shorter))
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(f"{name} declares a picture too large to open ({error})") from error
    except UnidentifiedImageError as error:
        raise PhotoError(
            f"{name} is not a photo that can be read",
            expected=f"one of {', '.join(FORMATS)}",
            fix="Convert it to JPEG first (phones set to HEIC can also save JPEG)",
        ) from error
    except Exception as error:  # a damaged file can raise nearly anything in a decoder
        raise PhotoError(
            f"{name} is damaged or cut short ({error})", expected="a complete photo"
        ) from error


def _check_pixels(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f"{name} has {width} x {height} pixels")


def _too_many_pixels(found: str) -> PhotoError:
    return PhotoError(
        found, expected=f"at most {MAX_PIXELS:,} pixels in all", fix="Make it smaller first"
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_wide(image)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _from_wide(image: Image.Image) -> Image.Image:
    """Scale greys of 16 or 32 bits, where Pillow's own conversion would clip them at 255."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(values.max()))
    greys = (values.clip(0, top) * (255.0 / top)).round().astype(np.uint8)
    return Image.fromarray(greys).convert("RGB")
