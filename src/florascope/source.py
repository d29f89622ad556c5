"""From what a user types for DATA, or holds in Python, to a data set."""

import difflib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from florascope.data.dataset import Dataset
from florascope.data.folder import folder
from florascope.data.manifest import manifest
from florascope.data.memory import from_dataset, from_pairs
from florascope.data.oxford102 import FOLDER, is_layout, oxford102, oxford102_in
from florascope.errors import DataError
from florascope.files import check_path
from florascope.progress import Progress, shown, silent

NAMES = ("oxford102", "garden")
KINDS = (
    "oxford102 (8,189 photos of 102 flowers), garden (drawn flowers, nothing to download),"
    " a folder with one folder of photos a class, or a .csv file with the columns path and label"
)


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
