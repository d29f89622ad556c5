"""One photo looked at: what can be told without knowing any other."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import FilePhoto, Photo
from florascope.data.health.hashing import BITS, difference_hash
from florascope.errors import PhotoError
from florascope.images import RGB, photo_header, read_bytes, read_photo

DIGEST = 16  # bytes


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """What one photo is.

    Attributes:
        size: width and height, upright; (0, 0) where it cannot be read.
        digest: of its content, 16 bytes; zeros where it cannot be read.
        mode: the file's colour mode in Pillow's words ("RGB", "L", "CMYK"), "RGB" for photos that
            lie in no file.
        orientation: EXIF's, 1 for upright.
        hash: perceptual, 256 bits in 32 bytes; see `looks.hashes`.
        problem: why it cannot be read, or "".
    """

    size: tuple[int, int]
    digest: bytes
    mode: str
    orientation: int
    hash: bytes
    problem: str = ""


def look_at(photo: Photo) -> Look:
    """Decode one photo, once; a file is read once, too."""
    try:
        if not isinstance(photo, FilePhoto):
            return _look(photo.read(), photo.digest().encode(), ("RGB", 1))
        data = read_bytes(photo.path)
        return _look(read_photo(data), data, photo_header(data))
    except PhotoError as error:
        problem = str(error) if photo.name in str(error) else f"{photo.name}: {error}"
        return Look((0, 0), bytes(DIGEST), "", 1, bytes(BITS // 8), problem)


def _look(rgb: RGB, content: bytes, header: tuple[str, int]) -> Look:
    height, width = rgb.shape[:2]
    digest = hashlib.blake2b(content, digest_size=DIGEST).digest()
    packed = np.packbits(difference_hash(rgb)).tobytes()
    return Look((width, height), digest, *header, packed)


def orientation(path: Path) -> int:
    """EXIF's orientation of a file, 1 (upright) where it says nothing."""
    try:
        return photo_header(read_bytes(path))[1]
    except PhotoError:
        return 1
