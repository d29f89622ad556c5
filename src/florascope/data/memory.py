"""Labelled photos that other code holds: pairs, torchvision's data sets, Hugging Face's."""

import hashlib
import os
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Photo
from florascope.data.names import natural_key
from florascope.errors import DataError
from florascope.images import RGB, as_rgb

PAIRS = "pairs of (photo, label), or a data set of torchvision's or Hugging Face's kind"


@dataclass(frozen=True, slots=True)
class HeldPhoto:
    """A photo at a place of a sequence, taken when it is read.

    Attributes:
        name: for people.
        items: the sequence.
        index: the place in it.
        key: of the photo within the item: 0 of a pair, "image" of a row.
    """

    name: str
    items: Any
    index: int
    key: Hashable = 0

    def read(self) -> RGB:
        """Take the item and bring its photo to pixels; see `florascope.images.as_rgb`."""
        return as_rgb(self.items[self.index][self.key])

    def digest(self) -> str:
        """BLAKE2b of the pixels and their shape."""
        pixels = np.ascontiguousarray(self.read())
        shape = repr(pixels.shape).encode()
        return hashlib.blake2b(shape + pixels.tobytes(), digest_size=16).hexdigest()


def from_pairs(pairs: Iterable[Any], name: str = "photos in memory") -> Dataset:
    """Make a data set of (photo, label) pairs.

    Args:
        pairs: photos in any form that `as_rgb` takes, with a label each: a name or a number.
        name: the data set's.

    Raises:
        DataError: an item is no pair, or there are too few photos or classes.
    """
    items = list(pairs)
    odd = next((i for i in items if not isinstance(i, tuple | list) or len(i) != 2), None)
    if odd is not None:
        raise DataError(f"{type(odd).__name__} among the photos of {name}", expected=PAIRS)
    words = [str(label) for _, label in items]
    names = sorted(set(words), key=natural_key)
    index = {word: k for k, word in enumerate(names)}
    labels = np.array([index[word] for word in words], dtype=np.int64)
    photos = [_photo(items, n) for n in range(len(items))]
    return Dataset(name, photos, labels, tuple(ClassName(n, n) for n in names))


def from_dataset(source: Any) -> Dataset:  # noqa: ANN401 (torchvision's and Hugging Face's differ)
    """Make a data set of torchvision's (items (image, index)) or Hugging Face's (rows).

    Of torchvision's folders the files are taken, not the transformed images; elsewhere images
    come as `source[i]` gives them, without their data set's transform where it has one.

    Raises:
        DataError: it is neither, or its labels or images cannot be told.
    """
    features = getattr(source, "features", None)
    if features is not None and hasattr(source, "column_names"):
        return _from_rows(source, features)
    samples = getattr(source, "samples", None) or getattr(source, "imgs", None)
    classes = getattr(source, "classes", None)
    name = type(source).__name__
    if samples:
        root = Path(os.fspath(getattr(source, "root", Path(samples[0][0]).parent)))
        files: list[Photo] = [FilePhoto(Path(path), root) for path, _ in samples]
        return _dataset(name, files, [label for _, label in samples], classes)
    held_labels = (getattr(source, key, None) for key in LABELS)
    labels = next((v for v in held_labels if v is not None), None)
    if labels is None or not hasattr(source, "__getitem__"):
        raise DataError(f"a {name} as DATA", expected=PAIRS)
    held = _untransformed(source)
    photos: list[Photo] = [HeldPhoto(f"{n}", held, n) for n in range(len(labels))]
    return _dataset(name, photos, labels, classes)


LABELS = ("targets", "labels", "_labels", "y")
"""Where torchvision's data sets keep the class indexes of their photos."""


def _photo(items: Sequence[Any], n: int) -> Photo:
    photo = items[n][0]
    if isinstance(photo, Photo):
        return photo
    if isinstance(photo, str | os.PathLike):
        return FilePhoto(Path(os.fspath(photo)).expanduser())
    return HeldPhoto(f"{n}", items, n)


def _from_rows(source: Any, features: Any) -> Dataset:  # noqa: ANN401
    image = next((k for k, v in features.items() if type(v).__name__ == "Image"), None)
    label = next((k for k, v in features.items() if hasattr(v, "names")), None)
    if image is None or label is None:
        columns = ", ".join(features)
        raise DataError(f"a table of the columns {columns}", expected="an Image and a ClassLabel")
    photos: list[Photo] = [HeldPhoto(f"{n}", source, n, image) for n in range(len(source))]
    name = str(getattr(getattr(source, "info", None), "dataset_name", None) or "rows")
    return _dataset(name, photos, source[label], features[label].names)


def _dataset(name: str, photos: list[Photo], labels: Any, classes: Any) -> Dataset:  # noqa: ANN401
    numbers = np.asarray(labels, dtype=np.int64).ravel()
    names = [str(c) for c in classes or range(int(numbers.max(initial=0)) + 1)]
    known = tuple(ClassName(n, n) for n in names)
    return Dataset(name, photos, numbers, known)


def _untransformed(source: Any) -> Any:  # noqa: ANN401
    """A shallow copy whose items are photos as they are, not as a training would see them."""
    import copy

    held = copy.copy(source)
    for attribute in ("transform", "transforms"):
        if getattr(held, attribute, None) is not None:
            setattr(held, attribute, None)
    return held
