"""What all photos of a data set are, in some sixty bytes each."""

import struct
from collections.abc import Iterable, Sequence

import numpy as np

from florascope.data.dataset import Photo
from florascope.data.health.hashing import BITS, Hashes
from florascope.data.health.look import DIGEST, Look, look_at
from florascope.data.packed import Packed
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track

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
    return np.unpackbits(packed.reshape(-1, BITS // 8), axis=1).astype(bool)
