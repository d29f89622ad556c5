"""The record every data source produces: photos, labels, class names and their split."""

import os
import re
import unicodedata
from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Protocol, SupportsIndex, TypeVar, overload, runtime_checkable

import numpy as np

from florascope.errors import DataError, PhotoError, check_arguments, described
from florascope.images import RGB, read_bytes, read_photo
from florascope.shapes import Bool, Int64

SUBSETS = ("train", "val", "test")
WORDS = {
    "train": "train training trained trn entrenamiento",
    "val": "val valid validation validate validating dev development validacion validación",
    "test": "test testing tests tst eval evaluation evaluating holdout prueba pruebas",
}
_MEANT = {word: subset for subset, words in WORDS.items() for word in words.split()}
_DATA = re.compile(r"(?<=[a-zó])[ _-]?(set|data|dataset|images?|photos?|split)$")


def subset_named(word: str) -> str | None:
    """Return "train", "val" or "test" for a word that means one, in any case; else None.

    "Training", "validation_set" and "TEST images" are such words. "eval" is test where people
    divide into train, dev and eval, so it is never learned from.
    """
    plain = word.strip().casefold()
    return _MEANT.get(plain) or _MEANT.get(_DATA.sub("", plain))


Indexes = Int64[np.ndarray, "_"]


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint sets of photo indexes into one data set.

    Attributes:
        name: how it was asked for ("official", "80-10-10", "folder", or a CSV's file name).
        train: indexes of the photos that fit the weights.
        val: indexes of the photos that select settings.
        test: indexes of the photos that measure, once.
    """

    name: str
    train: Indexes
    val: Indexes
    test: Indexes

    def __post_init__(self) -> None:
        every = np.concatenate([self.train, self.val, self.test])
        twice = len(every) - len(np.unique(every))
        if twice:
            raise DataError(
                f"split {self.name} names {twice} photos in more than one subset",
                expected="disjoint train, val and test",
            )

    def items(self) -> Iterator[tuple[str, Indexes]]:
        """Yield ("train", indexes), ("val", indexes), ("test", indexes)."""
        for subset in SUBSETS:
            yield subset, self[subset]

    def __getitem__(self, subset: str) -> Indexes:
        if subset not in SUBSETS:
            raise DataError(f"subset {subset!r}", expected=f"one of {', '.join(SUBSETS)}")
        indexes: Indexes = getattr(self, subset)
        return indexes

    def only(self, keep: Bool[np.ndarray, "n"]) -> "Split":
        """Drop the photos where keep is False (unreadable ones, say); indexes stay as they are."""
        return Split(self.name, *(part[keep[part]] for _, part in self.items()))


Item = TypeVar("Item")


class Packed(Sequence[Item]):
    """A list that makes each item when asked for it."""

    @abstractmethod
    def _made(self, index: int) -> Item:
        """Make an item, 0 <= index < n."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Item | list[Item]:
        at = range(len(self))[index]  # understands negative indexes, and refuses those outside
        return self._made(at) if isinstance(at, int) else [self._made(i) for i in at]


Labels = Int64[np.ndarray, "n"]

MOST = 12  # classes that a data set shows of itself
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
        import hashlib  # loads OpenSSL, which identifying a photo never needs

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


@check_arguments(DataError)
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
        ignored: how many files of the source were left out, by ending (".txt") or kind ("hidden").
        remarks: what else its user should know of the source, a sentence each.
        source: what opens it again (a path, or a name such as "garden"); "" where nothing does.
        published: the published collection whose photos these are, under its own names for them;
            "" where names are the user's own.
    """

    name: str
    photos: Sequence[Photo]
    labels: Labels
    classes: tuple[ClassName, ...]
    own_splits: dict[str, Split] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    source: str = ""
    published: str = ""

    def __post_init__(self) -> None:
        if len(self.photos) != len(self.labels):
            raise DataError(
                f"{self.name} has {len(self.photos)} photos and {len(self.labels)} labels",
                expected="one label a photo",
            )
        if len(self.photos) == 0:
            raise DataError(f"{self.name} holds no photos", expected="labelled photos")
        if not isinstance(self.photos[0], Photo):
            raise DataError(
                f"{described(self.photos[0])} among the photos of {self.name}",
                expected="objects with a name, read() and digest(), such as FilePhoto",
                fix="florascope.load([(photo, label), ...]) makes a data set of photos in any form",
            )
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{self.name} has labels from {low} to {high}",
                expected=f"0 to {len(self.classes) - 1} for {len(self.classes)} classes",
            )

    def __repr__(self) -> str:
        return f"<Dataset {self.name}: {len(self):,} photos of {len(self.classes)} classes>"

    def __str__(self) -> str:

        rows = zip(self.classes, self.counts(), strict=True)
        shown = [f"  {count:6,} {known.name}" for known, count in rows]
        more = [f"  and {len(shown) - MOST} classes more"] if len(shown) > MOST else []
        return "\n".join([repr(self)[1:-1], *shown[:MOST], *more, f"  split: {self._splits()}"])

    def _splits(self) -> str:
        """Name the split that a training takes unless another is asked for."""
        named = [
            f"{s.name} ({len(s.train):,} train, {len(s.val):,} val, {len(s.test):,} test)"
            for s in self.own_splits.values()
        ]
        return ", ".join(named) or "none of its own; 80/10/10 of each class is drawn by the seed"

    def _repr_html_(self) -> str:
        """Counts, split and one photo of each of the first classes, for a notebook."""
        from html import escape  # here: with `display`, 5 ms of every command's start

        from florascope.display import sheet_html, table_html

        rows = zip(self.classes, self.counts(), strict=True)
        cells = [(known.name, f"{count:,}") for known, count in rows]
        table = table_html(("class", "photos"), cells[:MOST], repr(self)[1:-1])
        firsts = [int(np.argmax(self.labels == k)) for k in range(min(len(self.classes), MOST))]
        pictures = [(self.photos[i], self.classes[k].name) for k, i in enumerate(firsts)]
        return f"{sheet_html(_readable(pictures))}{table}<p>Split: {escape(self._splits())}</p>"

    def __len__(self) -> int:
        return len(self.photos)

    def counts(self) -> Int64[np.ndarray, "k"]:
        """Photos of each class, (K,)."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)


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


def _readable(pictures: Iterable[tuple[Photo, str]]) -> Iterator[tuple[RGB, str]]:
    from florascope.display import THUMBNAIL

    for photo, caption in pictures:
        with suppress(PhotoError):
            yield read_shrunken(photo, THUMBNAIL), caption
