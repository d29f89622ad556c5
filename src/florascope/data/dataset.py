"""The record every data source produces: photos, labels and class names."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from florascope.data.split import Split
from florascope.errors import DataError
from florascope.images import RGB, read_bytes, read_photo
from florascope.shapes import Int64

Labels = Int64[np.ndarray, "n"]

MAX_NAME = 255  # characters
MISLEADING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing: a name could show as another."""
COMMANDS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of what a terminal obeys, or no file can hold."""


def is_showable(name: str) -> bool:
    """Whether a name can be shown to people and written to a file: some characters are commands."""
    odd = MISLEADING & set(name) or COMMANDS & set(map(unicodedata.category, name))
    return 0 < len(name) <= MAX_NAME and not odd


@runtime_checkable
class Photo(Protocol):
    """One photo, read only when asked for."""

    @property
    def name(self) -> str:
        """A short name for people, unique enough to find the photo again."""
        ...

    def read(self) -> RGB:
        """Return the upright 8-bit RGB pixels, (h, w, 3).

        Raises:
            PhotoError: the photo cannot be decoded.
        """
        ...

    def digest(self) -> str:
        """Return a hex key of the content: equal for equal pixels, cheap to compute."""
        ...


@dataclass(frozen=True, slots=True)
class FilePhoto:
    """A photo in a file.

    Attributes:
        path: the file.
        root: the folder that names are relative to; None names a photo by its file name alone,
            which is only enough where no two folders hold the same one.
    """

    path: Path
    root: Path | None = None

    @property
    def name(self) -> str:
        """The file's path below root, with forward slashes ("rose/1.jpg"), or its name."""
        parts = self.path.parts
        above = parts if self.root is None else self.root.parts
        below = parts[len(above) :] if parts[: len(above)] == above else ()
        return "/".join(below) or self.path.name

    def read(self) -> RGB:
        """Decode the file; see `florascope.images.read_photo`."""
        return read_photo(self.path)

    def digest(self) -> str:
        """BLAKE2b of the file's bytes."""
        return hashlib.blake2b(read_bytes(self.path), digest_size=16).hexdigest()


def read_shrunken(photo: Photo, shorter: int) -> RGB:
    """Read a photo; of a file no more pixels than its shorter side needs to have.

    Raises:
        PhotoError: it cannot be read.
    """
    return read_photo(photo.path, shorter=shorter) if isinstance(photo, FilePhoto) else photo.read()


@dataclass(frozen=True, slots=True)
class ClassName:
    """A class as its source names it.

    Attributes:
        id: the source's own id ("40" in Oxford 102, the folder's name elsewhere).
        name: for people; equals the id where the source has no better one.
    """

    id: str
    name: str


@dataclass(frozen=True)
class Dataset:
    """Labelled photos.

    Attributes:
        name: where it comes from, for people.
        photos: the n photos.
        labels: (n,) class indexes, 0 to K-1.
        classes: the K classes, in the order of the indexes.
        own_splits: the splits that the source itself publishes, by name
            ("official" in Oxford 102, "folder" for train/val/test folders, "csv" for a manifest).
        ignored: files of the source that are hidden or no photos, and so were left out.
    """

    name: str
    photos: Sequence[Photo]
    labels: Labels
    classes: tuple[ClassName, ...]
    own_splits: dict[str, Split] = field(default_factory=dict)
    ignored: int = 0

    def __post_init__(self) -> None:
        if len(self.photos) != len(self.labels):
            raise DataError(
                f"{self.name} has {len(self.photos)} photos and {len(self.labels)} labels",
                expected="one label a photo",
            )
        if len(self.photos) == 0:
            raise DataError(f"{self.name} holds no photos", expected="labelled photos")
        if len(self.classes) < 2:
            names = ", ".join(known.name for known in self.classes)
            raise DataError(
                f"{self.name} has {len(self.classes)} class ({names})",
                expected="at least two classes to tell apart",
            )
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{self.name} has labels from {low} to {high}",
                expected=f"0 to {len(self.classes) - 1} for {len(self.classes)} classes",
            )

    def __len__(self) -> int:
        return len(self.photos)

    def counts(self) -> Int64[np.ndarray, "k"]:
        """Photos of each class, (K,)."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)
