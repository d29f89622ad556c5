"""Which photos trained, selected and measured a bundle's classifier.

photos.json          digests and looks, which know a photo again that was moved or saved anew
photos.safetensors   keypoints, which know photos that derive from it; not in older bundles
"""

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from florascope.bundle.config import MARKS, PHOTOS, read_own_file
from florascope.data.dataset import SUBSETS, Dataset, Split
from florascope.data.identity import BITS, PhotoKeys, content_keys
from florascope.data.local_features import KEPT, MARK, Marks
from florascope.errors import BundleError
from florascope.files import json_text
from florascope.strict_json import parse_json

SCHEMA = "florascope-photos/1"
MOST = 2**29  # bytes of the file: some nine million photos
LOOK = BITS // 8


@dataclass(frozen=True, eq=False)
class Participation:
    """The photos that took part in a training, by what they are recognised by.

    A photo is the same one wherever it lies and whatever it is called; one that was saved again,
    in another size or format, still has the same look (see `florascope.data.identity`).

    Attributes:
        split: the split's name.
        seed: of the training, and of the split where it was drawn.
        photos: "train", "val" and "test", each with its photos' keys.
    """

    split: str
    seed: int
    photos: dict[str, PhotoKeys]

    @classmethod
    def of(cls, dataset: Dataset, split: Split, seed: int, keys: PhotoKeys) -> Self:
        """Take down who takes part.

        Args:
            dataset: the photos.
            split: their division; what is in no subset took no part.
            seed: of the training.
            keys: of all photos of the data set.
        """
        named = replace(keys, contents=content_keys(dataset)) if dataset.published else keys
        return cls(split.name, seed, {subset: named[part] for subset, part in split.items()})

    @property
    def marks(self) -> Marks | None:
        """The marks of all photos, in the order of SUBSETS; None where they were not recorded."""
        parts = [marks for s in SUBSETS if (marks := self.photos[s].marks) is not None]
        return np.concatenate(parts) if len(parts) == len(SUBSETS) else None

    def to_json(self) -> dict[str, Any]:
        """Return digests and looks as JSON values: base64 of big-endian bytes."""
        parts = {subset: _packed(keys) for subset, keys in self.photos.items()}
        return {"schema": SCHEMA, "split": self.split, "seed": self.seed, **parts}

    @classmethod
    def from_json(cls, values: Any) -> Self:  # noqa: ANN401 (whatever a file holds)
        """Read what `to_json` gave.

        Raises:
            BundleError: the schema is another, or a part is missing or of the wrong kind.
        """
        found = values.get("schema") if isinstance(values, dict) else None
        if found != SCHEMA:
            raise BundleError(f"schema {found!r} in {PHOTOS}", expected=repr(SCHEMA))
        try:
            split, seed = str(values["split"]), int(values["seed"])
            return cls(split, seed, {subset: _unpacked(values[subset]) for subset in SUBSETS})
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"{PHOTOS} lacks or garbles {error}", expected="the file that training wrote"
            ) from error


def read_participation(bundle: Path) -> Participation | None:
    """Read a bundle's record; None where it has none, as bundles of version 0.1.

    Raises:
        BundleError: the record is damaged.
    """
    if not (bundle / PHOTOS).exists():
        return None
    try:
        values = parse_json(read_own_file(bundle, PHOTOS, MOST))
    except ValueError as error:
        raise BundleError(f"{bundle / PHOTOS} cannot be read ({error})", expected="JSON") from error
    record = Participation.from_json(values)
    return _with_marks(record, bundle) if (bundle / MARKS).exists() else record


def write_participation(record: Participation, bundle: Path) -> None:
    """Write a bundle's record."""
    (bundle / PHOTOS).write_text(json_text(record.to_json()), encoding="utf-8")
    if record.marks is not None:
        from safetensors.numpy import save

        parts = {subset: keys.marks for subset, keys in record.photos.items()}
        marks = {subset: part for subset, part in parts.items() if part is not None}
        (bundle / MARKS).write_bytes(save(marks))


def copy_participation(bundle: Path, other: Path) -> None:
    """Hand a bundle's record on to another form of it."""
    for name in (PHOTOS, MARKS):
        if (bundle / name).exists():
            (other / name).write_bytes(read_own_file(bundle, name, MOST))


def _with_marks(record: Participation, bundle: Path) -> Participation:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(read_own_file(bundle, MARKS, MOST))
        marks = {subset: _checked(found[subset], len(record.photos[subset])) for subset in SUBSETS}
    except (SafetensorError, KeyError, ValueError) as error:
        raise BundleError(
            f"{bundle / MARKS} lacks or garbles {error}",
            expected="the file that training wrote",
            fix="Train again, or remove it: crops are not recognised then",
        ) from error
    photos = {s: replace(keys, marks=marks[s]) for s, keys in record.photos.items()}
    return replace(record, photos=photos)


def _checked(marks: np.ndarray, photos: int) -> Marks:
    if marks.dtype != np.uint8 or marks.shape != (photos, KEPT, MARK):
        raise ValueError(f"{marks.dtype} {list(marks.shape)} of {photos} photos")
    return marks


def _packed(keys: PhotoKeys) -> dict[str, str]:
    parts = {"contents": keys.contents.astype(">u8"), "looks": keys.looks}
    return {name: base64.b64encode(part.tobytes()).decode() for name, part in parts.items()}


def _unpacked(values: dict[str, str]) -> PhotoKeys:
    contents, looks = (base64.b64decode(values[k], validate=True) for k in ("contents", "looks"))
    keys = PhotoKeys(
        np.frombuffer(contents, ">u8").astype(np.uint64),
        np.frombuffer(looks, np.uint8).reshape(-1, LOOK),
    )
    if len(keys.contents) != len(keys.looks):
        raise ValueError(f"{len(keys.contents)} contents of {len(keys.looks)} looks")
    return keys
