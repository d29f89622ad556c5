"""What photos' files tell beside their pixels: camera, time, size, format, compression."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from PIL import ExifTags, Image

SAMPLE = 512  # photos of a subset whose files are opened
BINS = 16  # of a number, each with as many photos
UNKNOWN = ""

Labels = Int64[np.ndarray, "_"]  # of train and of val in one call


class Origin(NamedTuple):
    """One photo's file; "" or nan for what it does not say.

    Attributes:
        size: width x height in pixels, as stored.
        file_format: "JPEG", "PNG", ...
        mode: colour mode in Pillow's words.
        compression: fingerprint of a JPEG's quantisation tables, which tells software and quality.
        camera: make and model by EXIF.
        software: by EXIF.
        density: bytes a pixel.
        taken: when, by EXIF, in seconds.
    """

    size: str = UNKNOWN
    file_format: str = UNKNOWN
    mode: str = UNKNOWN
    compression: str = UNKNOWN
    camera: str = UNKNOWN
    software: str = UNKNOWN
    density: float = np.nan
    taken: float = np.nan


WORDS = {
    "size": "the size in pixels",
    "file_format": "the file format",
    "mode": "the colour mode",
    "compression": "the JPEG quality",
    "camera": "the camera (EXIF)",
    "software": "the software (EXIF)",
    "density": "the bytes a pixel",
    "taken": "the time that photos were taken (EXIF)",
}
"""What each fact is called in a finding."""


class Origins(NamedTuple):
    """Files of some photos of a subset.

    Attributes:
        files: n of them.
        labels: (n,) their classes.
    """

    files: tuple[Origin, ...]
    labels: Labels


def origins(paths: Sequence[str], labels: Labels) -> Origins | None:
    """Open some files, evenly; None where there are none, or labels are those of other photos."""
    if not paths or len(paths) != len(labels):
        return None
    picked = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), SAMPLE)).astype(np.int64))
    return Origins(tuple(origin_of(Path(paths[i])) for i in picked), labels[picked])


def origin_of(path: Path) -> Origin:
    """Read a file's header; nothing is known of one that cannot be read."""
    try:
        if not path.is_file():  # opening a pipe waits for a writer that may never come
            return Origin()
        length = path.stat().st_size
        with Image.open(path) as image:
            exif = image.getexif()
            detail = exif.get_ifd(ExifTags.IFD.Exif)
            tables = getattr(image, "quantization", None)
            return Origin(
                f"{image.width} x {image.height}",
                image.format or UNKNOWN,
                image.mode,
                _fingerprint(tables) if tables else UNKNOWN,
                _words(exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)),
                _words(exif.get(ExifTags.Base.Software)),
                length / max(image.width * image.height, 1),
                _seconds(detail.get(ExifTags.Base.DateTimeOriginal)),
            )
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Origin()


def _fingerprint(tables: object) -> str:
    return hashlib.blake2b(repr(tables).encode(), digest_size=4).hexdigest()


def _words(*parts: object) -> str:
    return " ".join(str(part).strip("\0 ") for part in parts if part)


def _seconds(text: object) -> float:
    try:
        return datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").timestamp()  # noqa: DTZ007 (EXIF has no zone)
    except ValueError:
        return float("nan")


def telling(train: Origins, val: Origins) -> dict[str, float]:
    """Val accuracy of guessing the class by one fact alone, by the fact.

    The guess is the most frequent train class among files of the same value; numbers are cut into
    BINS with as many train photos each. Facts that nearly all files lack are left out.
    """
    found = {}
    for name in WORDS:
        ours, theirs = ([getattr(file, name) for file in side.files] for side in (train, val))
        if name in {"density", "taken"}:
            ours, theirs = _binned(np.array(ours), np.array(theirs))
        if sum(value != UNKNOWN for value in ours) * 2 > len(ours) and len(set(ours)) > 1:
            found[name] = _guessed(ours, train.labels, theirs, val.labels)
    return found


def _binned(ours: np.ndarray, theirs: np.ndarray) -> tuple[list[str], list[str]]:
    known = ours[~np.isnan(ours)]
    cuts = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, cuts)) if len(known) else known

    def words(values: np.ndarray) -> list[str]:
        bins = np.searchsorted(edges, values)
        return [UNKNOWN if np.isnan(v) else str(b) for v, b in zip(values, bins, strict=True)]

    return words(ours), words(theirs)


def _guessed(ours: list[str], labels: Labels, theirs: list[str], truth: Labels) -> float:
    usual = int(np.bincount(labels).argmax())
    votes: dict[str, int] = {}
    for value in set(ours):
        mine = labels[[i for i, other in enumerate(ours) if other == value]]
        votes[value] = int(np.bincount(mine).argmax())
    said = np.array([votes.get(value, usual) for value in theirs])
    return float((said == truth).mean())
