"""The photos of a folder, in some sixty bytes each."""

import os
from array import array
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from florascope.data.dataset import FilePhoto
from florascope.data.packed import Packed


class FilePhotos(Packed[FilePhoto]):
    """A list that makes each photo when asked for it: a `FilePhoto` with its path takes 0.5 kB.

    Args:
        root: the folder; photos are named by their paths below it.
        names: those paths, with forward slashes.
    """

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        encoded = [os.fsencode(name) for name in names]
        self._root, self._text = root, b"".join(encoded)
        self._starts = array("Q", accumulate(map(len, encoded), initial=0))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _made(self, index: int) -> FilePhoto:
        name = self._text[self._starts[index] : self._starts[index + 1]]
        return FilePhoto(self._root / os.fsdecode(name), self._root)
