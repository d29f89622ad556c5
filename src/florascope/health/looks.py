"""What a photo looks like, in 58 bytes: hashes, size and brightness."""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import FilePhoto, Packed, Photo
from florascope.data.identity import BITS, Hashes, pack_look, unpack_looks
from florascope.errors import PhotoError
from florascope.images import RGB, photo_header, read_bytes, read_photo
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track

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
    packed = pack_look(rgb).tobytes()
    return Look((width, height), digest, *header, packed)


def orientation(path: Path) -> int:
    """EXIF's orientation of a file, 1 (upright) where it says nothing."""
    try:
        return photo_header(read_bytes(path))[1]
    except PhotoError:
        return 1


ROW = struct.Struct(f"2I{DIGEST}sBB{BITS // 8}s")  # size, digest, mode, orientation, hash


class Looks(Packed[Look]):
    """A list that keeps each look as one packed row: the object takes 0.4 kB.

    Args:
        looks: one a photo.
    """

    def __init__(self, looks: Iterable[Look]) -> None:
        self._rows = bytearray()
        self._modes: dict[str, int] = {}
        self._problems: dict[int, str] = {}
        for index, look in enumerate(looks):
            mode = self._modes.setdefault(look.mode, len(self._modes))
            self._rows += ROW.pack(*look.size, look.digest, mode, look.orientation, look.hash)
            if look.problem:
                self._problems[index] = look.problem

    def __len__(self) -> int:
        return len(self._rows) // ROW.size

    def _made(self, index: int) -> Look:
        width, height, digest, mode, turned, packed = ROW.unpack_from(self._rows, index * ROW.size)
        problem = self._problems.get(index, "")
        return Look((width, height), digest, list(self._modes)[mode], turned, packed, problem)


def look_at_all(
    photos: Sequence[Photo], progress: Progress = silent, what: str = "Reading photos"
) -> Looks:
    """Decode every photo once."""
    return Looks(track(in_order(look_at, photos), len(photos), what, progress))


def hashes(looks: Iterable[Look]) -> Hashes:
    """Perceptual hashes of photos, (n, 256)."""
    packed = np.frombuffer(b"".join(look.hash for look in looks), np.uint8)
    return unpack_looks(packed.reshape(-1, BITS // 8))
