"""From what a user types for DATA, or holds in Python, to a data set."""

import difflib
import hashlib
import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Labels, Photo
from florascope.data.folder import folder
from florascope.data.manifest import MISSING, manifest
from florascope.data.names import natural_key
from florascope.data.oxford102 import FOLDER, is_layout, oxford102, oxford102_in
from florascope.errors import DataError, check_arguments, described
from florascope.files import check_path
from florascope.images import RGB, as_rgb
from florascope.progress import Progress, shown, silent

NAMES = ("oxford102", "garden")
KINDS = (
    "oxford102 (8,189 photos of 102 flowers), garden (drawn flowers, nothing to download),"
    " a folder with one folder of photos a class, or a .csv file with the columns path and label"
)


@check_arguments(DataError)
def load(
    source: Any,  # noqa: ANN401 (see below)
    *,
    data_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Open labelled photos.

        data = fs.load("photos/")       # a folder with one folder of photos a class
        data = fs.load("photos.csv")    # a list: path, label, and perhaps split
        data = fs.load("oxford102")     # 8,189 photos of 102 flowers; fs.load("garden"): drawn ones
        data = fs.load([("a.jpg", "rose"), (pixels, "lily")])
        data = fs.load(torchvision_dataset)     # or one of Hugging Face's

    Nothing is decoded yet: each photo is read when it is needed.

    Args:
        source: as above; a `Dataset` is returned as it is.
        data_dir: where oxford102 lies or shall be downloaded to.
        progress: told of whatever takes long; None draws a bar where somebody can see one.

    Raises:
        DataError: source is none of these, or what it names cannot be used.
        DownloadError: Oxford 102 could not be downloaded.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | os.PathLike):
        where = None if data_dir is None else Path(data_dir).expanduser()
        with shown(progress) as told:
            return open_dataset(os.fspath(source), where, told)
    if isinstance(source, list | tuple) or hasattr(source, "__next__"):
        return from_pairs(source)
    return from_dataset(source)


def open_dataset(spec: str, data_dir: Path | None = None, progress: Progress = silent) -> Dataset:
    """Open the data set that DATA names.

    Args:
        spec: "oxford102", "garden", a folder or a .csv file. The two names win over folders that
            are called so (./garden is the folder). A folder in Oxford 102's own layout, or
            holding it as flowers-102/, opens as Oxford 102.
        data_dir: where oxford102 lies or shall be downloaded to.
        progress: told of whatever takes long.

    Raises:
        DataError: spec is none of these, or what it names cannot be used.
        DownloadError: Oxford 102 could not be downloaded.
    """
    check_path(spec)
    opened = _open(spec, data_dir, progress)
    if spec not in NAMES:
        return replace(opened, source=str(Path(spec).expanduser().absolute()))
    return replace(opened, source=spec, remarks=(*opened.remarks, *_shadowed(spec)))


def _open(spec: str, data_dir: Path | None, progress: Progress) -> Dataset:
    if spec == "oxford102":
        return oxford102(data_dir, progress)
    if spec == "garden":
        from florascope.garden import garden

        return garden()
    path = Path(spec).expanduser()
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() == ".csv" and path.exists():
        return manifest(path)
    raise _unknown(spec, path)


def _shadowed(name: str) -> Iterator[str]:
    """Say that a name was not taken for the folder that is called so."""
    if Path(name).is_dir():
        yield f"{name} is the data set of that name; the folder here is ./{name}"


def _open_folder(path: Path) -> Dataset:
    oxford = next((place for place in (path, path / FOLDER) if is_layout(place)), None)
    return folder(path) if oxford is None else oxford102_in(oxford)


def _unknown(spec: str, path: Path) -> DataError:
    kind = f"a {path.suffix or 'plain'} file" if path.exists() else "no file or folder"
    close = difflib.get_close_matches(spec.lower(), NAMES, n=1)
    fix = f"Did you mean {close[0]}?" if close else "Try: `florascope.load('garden')`"
    return DataError(f"{spec!r} is {kind}", expected=KINDS, fix=fix)


PAIRS = "pairs of (photo, label), or a data set of torchvision's or Hugging Face's kind"
BY_PAIRS = "Hand over pairs: `florascope.load(zip(photos, labels))`"


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
        DataError: an item is no pair, a label is missing (None, NaN, empty), or there are too few
            photos or classes.
    """
    items = list(pairs)
    odd = next((i for i in items if not isinstance(i, tuple | list) or len(i) != 2), None)
    if odd is not None:
        found = f"{type(odd).__name__} among the photos of {name}"
        raise DataError(found, expected=PAIRS, fix=BY_PAIRS)
    words = [str(label) for _, label in items]
    missing = [n for n, word in enumerate(words) if word in MISSING or not word.strip()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(words)} labels of {name} stand for none:"
            f" the first, number {missing[0]} from 0, is {words[missing[0]]!r}",
            expected="a label of every photo",
            fix="Leave these photos out, or call the class otherwise",
        )
    names = sorted(set(words), key=natural_key)
    index = {word: k for k, word in enumerate(names)}
    labels = np.array([index[word] for word in words], dtype=np.int64)
    photos = _held(items)
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
        expected = f"the path of a folder or of a table of photos, {PAIRS}"
        raise DataError(f"{described(source)} as DATA", expected=expected, fix=BY_PAIRS)
    held = _untransformed(source)
    photos: list[Photo] = [HeldPhoto(f"{n}", held, n) for n in range(len(labels))]
    return _dataset(name, photos, labels, classes)


LABELS = ("targets", "labels", "_labels", "y")
"""Where torchvision's data sets keep the class indexes of their photos."""


def as_photos(given: Iterable[Any]) -> list[Photo]:
    """Make photos of photos in any form that `as_rgb` takes; none is read yet."""
    return _held([(photo,) for photo in given])


def _held(items: Sequence[Sequence[Any]]) -> list[Photo]:
    """Make a photo of the first part of each item."""
    return [_photo(items, n) for n in range(len(items))]


def _photo(items: Sequence[Sequence[Any]], n: int) -> Photo:
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
    numbers = _indexes(name, labels)
    names = [str(c) for c in classes or range(int(numbers.max(initial=0)) + 1)]
    known = tuple(ClassName(n, n) for n in names)
    return Dataset(name, photos, numbers, known)


def _indexes(name: str, labels: Any) -> Labels:  # noqa: ANN401 (any numbers)
    try:
        values = np.asarray(labels, dtype=np.float64).ravel()
        wrong = next(iter(values[~(values == np.floor(values))].tolist()), None)
    except (TypeError, ValueError):
        wrong = next(iter(labels), None)
    if wrong is not None:
        raise DataError(
            f"{described(wrong)} among the labels of {name}",
            expected="the index of a class for each photo, from 0",
            fix=BY_PAIRS,
        )
    return values.astype(np.int64)


def _untransformed(source: Any) -> Any:  # noqa: ANN401
    """A shallow copy whose items are photos as they are, not as a training would see them."""
    import copy

    held = copy.copy(source)
    for attribute in ("transform", "transforms"):
        if getattr(held, attribute, None) is not None:
            setattr(held, attribute, None)
    return held
