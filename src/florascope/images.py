"""From the bytes of a photo to an RGB array, safely: the only decoder in the project."""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from florascope.errors import PhotoError, described
from florascope.files import new_file
from florascope.shapes import UInt8

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp"),
        *(".tif", ".tiff", ".avif", ".heic", ".heif"),
    }
)
"""What photos end in; what they are shows in their bytes alone."""
HEIF_EXTRA = "heic"  # of pyproject.toml
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 89_000_000  # just below the size at which Pillow itself begins to warn
MAX_WORK = 20 * MAX_PIXELS  # pixels times scans of a JPEG: encoders need 10 scans, a bomb thousands

_SCAN = b"\xff\xda"  # JPEG's start of scan; within a scan's data 0xff is always followed by 0x00
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Once, here: warnings.catch_warnings around each photo would not be safe when threads decode.
_HARMLESS = "Corrupt EXIF data|Tag data larger than file|Truncated File Read"
warnings.filterwarnings("ignore", _HARMLESS, UserWarning)
# MAX_PIXELS refuses it with a sentence; where warnings are errors, the sentence is kept, too.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

RGB = UInt8[np.ndarray, "h w 3"]


def read_photo(
    source: Path | bytes, *, upright: bool = True, shorter: int = 0, name: str = ""
) -> RGB:
    """Decode a photo to 8-bit RGB, first frame only.

    Args:
        source: a file's path, or the bytes of one.
        upright: apply EXIF's orientation; without, the pixels lie as they are stored.
        shorter: pixels of the shorter side that will do: a larger JPEG may come at a half, quarter
            or eighth of its size, decoded in a fraction of the time. 0 decodes every pixel.
        name: what errors call it; else its path, or "the photo".

    Returns:
        Array of shape (h, w, 3), values 0 to 255, its memory its own. Transparent pixels are
        laid on white.

    Raises:
        PhotoError: the file is missing, no plain file, empty, too large, truncated, of another
            format or of colours that have no conversion.
    """
    name = name or (str(source) if isinstance(source, Path) else "the photo")
    data = read_bytes(source) if isinstance(source, Path) else source
    with _opened(data, name) as image:
        if shorter:
            image.draft(None, (shorter, shorter))
        return np.array(_to_rgb(_upright(image) if upright else image, name))


def write_picture(path: Path, pixels: RGB, kind: str, **how: Any) -> None:  # noqa: ANN401 (Pillow's)
    """Write pixels as a picture, wholly or not at all.

    They are encoded in memory: Pillow itself takes the short write of a disk that is nearly full
    for a whole one, so that half a JPEG would take the picture's place without a word.

    Args:
        path: the file.
        pixels: 8-bit RGB, (h, w, 3).
        kind: "JPEG", "PNG" or another that Pillow writes.
        how: what it is told besides, such as quality.

    Raises:
        FlorascopeError: the file cannot be written; what was there is untouched.
    """
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, kind, **how)
    with new_file(path) as draft:
        draft.write_bytes(made.getbuffer())


def as_rgb(photo: Any, *, shorter: int = 0) -> RGB:  # noqa: ANN401 (all that shows a photo)
    """Take a photo in whatever form it is at hand.

    Args:
        photo: a path (`str` or `os.PathLike`), a file's bytes, a PIL image, an array (h, w, 3),
            (h, w) or (h, w, 4) of 8-bit values or of floats from 0 to 1, a PyTorch tensor
            (3, h, w) or (1, h, w) of the same, or anything with a `read()` that returns pixels,
            such as a data set's photos.
        shorter: see `read_photo`; of no account where pixels are handed over.

    Returns:
        8-bit RGB pixels, (h, w, 3).

    Raises:
        PhotoError: it is none of these, an address on the web, or cannot be read.
    """
    if isinstance(photo, str | os.PathLike):
        path = os.fspath(photo)
        _refuse_address(str(path))
        return read_photo(Path(os.fsdecode(path)).expanduser(), shorter=shorter)
    if isinstance(photo, bytes | bytearray | memoryview):
        return read_photo(bytes(photo), shorter=shorter)
    if isinstance(photo, Image.Image):
        return np.array(_to_rgb(_upright(photo), "the picture"))
    if callable(getattr(photo, "read", None)):
        found = photo.read()
        return read_photo(found, shorter=shorter) if isinstance(found, bytes) else as_rgb(found)
    if hasattr(photo, "detach"):  # a tensor: channels come first
        array = np.asarray(photo.detach().cpu())
        return _from_array(np.moveaxis(array, 0, -1) if array.ndim == 3 else array)
    if isinstance(photo, np.ndarray):
        return _from_array(photo)
    raise PhotoError(
        f"{described(photo)} is no photo",
        expected="a path, bytes, a PIL image, an array (h, w, 3) or a tensor (3, h, w)",
    )


def _refuse_address(path: str) -> None:
    if "://" in path[:12]:
        raise PhotoError(
            f"{path} is an address on the web",
            expected="a file on this machine",
            fix="Download the photo first",
        )


def _from_array(array: np.ndarray) -> RGB:
    """Bring grey, transparent or float pixels to 8-bit RGB."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    wide = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in {3, 4})
    if not wide or 0 in array.shape:
        raise PhotoError(
            f"an array of shape {array.shape} is no photo",
            expected="(h, w, 3), (h, w, 4) or (h, w); a tensor's channels come first",
        )
    if array.dtype != np.uint8:
        array = _from_floats(array)
    return np.array(_to_rgb(Image.fromarray(np.ascontiguousarray(array)), "the array"))


def _from_floats(array: np.ndarray) -> np.ndarray:
    values = array.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(values).all() and low >= 0 and high <= 1):
        raise PhotoError(
            f"an array of {array.dtype} with values from {low:.3g} to {high:.3g}",
            expected="8-bit values (uint8), or floats from 0 to 1",
            fix=_way_to_8_bits(array.dtype.kind, low, high),
        )
    return (values * 255).round().astype(np.uint8)


def _way_to_8_bits(kind: str, low: float, high: float) -> str:
    """Say how values that are not 8-bit pixels become them."""
    if 0 <= low <= high <= 255:
        return "Convert it first: array.astype(numpy.uint8)"
    if kind in "iu" and low >= 0:
        return "Scale it first, of 16 bits: (array // 256).astype(numpy.uint8)"
    return "Undo its normalisation first" if kind == "f" else "Scale it to 0 to 255 first"


def photo_header(data: bytes) -> tuple[str, int]:
    """Return a photo's colour mode as Pillow names it, and EXIF's orientation (1: upright).

    Raises:
        PhotoError: as `read_photo`, for what shows before the pixels are decoded.
    """
    with _opened(data, "the photo") as image:
        return image.mode, _orientation(image)


def read_bytes(path: Path) -> bytes:
    """Read a photo's file, stopping just past MAX_BYTES.

    Raises:
        PhotoError: the file cannot be opened, or is a pipe or device, which may have no end.
    """
    try:
        found = path.stat()
        mode = found.st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a folder's own error says it better
            raise PhotoError(f"{path} is a pipe or device", expected="a photo file")
        with path.open("rb") as file:  # read(n) takes memory for all n, which threads wait for
            return file.read(min(found.st_size, MAX_BYTES) + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise PhotoError(f"{path} cannot be read ({reason})", expected="a photo file") from error


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[Image.Image]:
    """Open a photo that is in bounds; whatever goes wrong inside becomes a PhotoError."""
    _check_bytes(data, name)
    try:
        with Image.open(io.BytesIO(data), formats=_formats_of(data)) as image:
            _check_pixels(image, name)
            _check_scans(data, image, name)
            yield image
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(f"{name} declares a picture too large to open") from error
    except UnidentifiedImageError as error:
        raise _unknown(data, name) from error
    except Exception as error:  # a damaged file can raise nearly anything in a decoder
        raise PhotoError(
            f"{name} is damaged or cut short ({error})", expected="a complete photo"
        ) from error


@cache
def readable_formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that can be read here.

    HEIF (.heic, what iPhones save) is among them where the extra `heic` is installed.
    """
    try:
        from pi_heif import register_heif_opener
    except ImportError:
        return FORMATS
    register_heif_opener()
    return (*FORMATS, "HEIF")


def _formats_of(data: bytes) -> tuple[str, ...]:
    """Leave HEIF's decoder where it is, unless bytes are of its family: loading it takes 20 ms."""
    return readable_formats() if data[4:8] == b"ftyp" else FORMATS


def _is_heif(data: bytes) -> bool:
    """Whether bytes begin as a HEIF file of HEVC pictures does (ISO/IEC 23008-12)."""
    return data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1"}


def _unknown(data: bytes, name: str) -> PhotoError:
    if _is_heif(data) and "HEIF" not in readable_formats():
        return PhotoError(
            f"{name} is a HEIC photo, which takes a further package to read",
            fix=f"Install it with: pip install 'florascope[{HEIF_EXTRA}]', or save it as JPEG",
        )
    return PhotoError(
        f"{name} is not a photo that can be read",
        expected=f"one of {', '.join(readable_formats())}",
        fix="Convert it to JPEG first (phones set to HEIC can also save JPEG)",
    )


def _check_bytes(data: bytes, name: str) -> None:
    if not data:
        raise PhotoError(f"{name} is empty (0 bytes)", expected="a photo")
    if len(data) > MAX_BYTES:
        raise PhotoError(
            f"{name} has {len(data):,} bytes",
            expected=f"at most {MAX_BYTES:,}",
            fix="Make it smaller first",
        )


def _check_pixels(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f"{name} has {width} x {height} pixels")


def _check_scans(data: bytes, image: Image.Image, name: str) -> None:
    """Refuse a JPEG that goes over its pixels again and again: 119 bytes a scan, 0.3 s each."""
    scans = data.count(_SCAN) if image.format in {"JPEG", "MPO"} else 1
    if scans * image.width * image.height > MAX_WORK:
        raise PhotoError(
            f"{name} stores its {image.width} x {image.height} pixels in {scans:,} scans",
            expected="a progressive JPEG of about 10",
            fix="Save it again as a plain JPEG",
        )


def _too_many_pixels(found: str) -> PhotoError:
    return PhotoError(
        found, expected=f"at most {MAX_PIXELS:,} pixels in all", fix="Make it smaller first"
    )


def _upright(image: Image.Image) -> Image.Image:
    """Turn by EXIF's orientation alone: its other tags may be garbage, and are not read."""
    image.load()  # a TIFF then has turned itself
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        found = int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 (broken EXIF can raise nearly anything; the pixels are there)
        return 1
    return found if found in _TURNS else 1


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _from_wide(image)
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        return _on_white(image)
    if image.mode in {"LAB", "HSV"}:
        raise PhotoError(
            f"{name} has {image.mode} colours",
            expected="RGB, CMYK or grey",
            fix="Convert it to RGB first",
        )
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    straight = image.convert("LA") if image.mode == "La" else image
    layer = straight.convert("RGBA")
    white = Image.new("RGB", layer.size, (255, 255, 255))
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _from_wide(image: Image.Image) -> Image.Image:
    """Scale greys of 16 or 32 bits, where Pillow's own conversion would clip them at 255."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(values.max()))
    greys = (values.clip(0, top) * (255.0 / top)).round().astype(np.uint8)
    return Image.fromarray(greys).convert("RGB")
