"""The photos of a folder, in some sixty bytes each."""

import os
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import SupportsIndex, overload

from florascope.data.dataset import FilePhoto


class FilePhotos(Sequence[FilePhoto]):
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

    @overload
    def __getitem__(self, index: SupportsIndex) -> FilePhoto: ...
    @overload
    def __getitem__(self, index: slice) -> list[FilePhoto]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> FilePhoto | list[FilePhoto]:
        at = range(len(self))[index]  # understands negative indexes, and refuses those outside
        return self._made(at) if isinstance(at, int) else [self._made(i) for i in at]

    def _made(self, index: int) -> FilePhoto:
        name = self._text[self._starts[index] : self._starts[index + 1]]
        return FilePhoto(self._root / os.fsdecode(name), self._root)
