"""One photo looked at: what can be told without knowing any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import Photo
from florascope.data.health.hashing import BITS, Hashes, difference_hash
from florascope.errors import PhotoError
from florascope.images import photo_header, read_bytes
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """What one photo is.

    Attributes:
        size: width and height, upright; (0, 0) where it cannot be read.
        digest: of its content.
        mode: the file's colour mode in Pillow's words ("RGB", "L", "CMYK"), "RGB" for photos that
            lie in no file.
        orientation: EXIF's, 1 for upright.
        hash: perceptual, 256 bits in 32 bytes; see `hashes`.
        problem: why it cannot be read, or "".
    """

    size: tuple[int, int]
    digest: str
    mode: str
    orientation: int
    hash: bytes
    problem: str = ""


def look_at(photo: Photo) -> Look:
    """Decode one photo, once."""
    try:
        path = getattr(photo, "path", None)
        data = read_bytes(path) if isinstance(path, Path) else b""
        mode, turned = _header(data)
        rgb = photo.read()
        height, width = rgb.shape[:2]
        packed = np.packbits(difference_hash(rgb)).tobytes()
        return Look((width, height), photo.digest(), mode, turned, packed)
    except PhotoError as error:
        problem = str(error) if photo.name in str(error) else f"{photo.name}: {error}"
        return Look((0, 0), "", "", 1, bytes(BITS // 8), problem)


def look_at_all(
    photos: Sequence[Photo], progress: Progress = silent, what: str = "Reading photos"
) -> list[Look]:
    """Decode every photo once."""
    return list(track(in_order(look_at, photos), len(photos), what, progress))


def hashes(looks: Sequence[Look]) -> Hashes:
    """Perceptual hashes of photos, (n, 256)."""
    packed = np.frombuffer(b"".join(look.hash for look in looks), np.uint8)
    return np.unpackbits(packed.reshape(-1, BITS // 8), axis=1).astype(bool)


def orientation(path: Path) -> int:
    """EXIF's orientation of a file, 1 (upright) where it says nothing."""
    try:
        return _header(read_bytes(path))[1]
    except PhotoError:
        return 1


def _header(data: bytes) -> tuple[str, int]:
    """Colour mode and orientation; a file that cannot be read is the decoder's to refuse."""
    if not data:
        return "RGB", 1
    try:
        return photo_header(data)
    except PhotoError:
        return "", 1
