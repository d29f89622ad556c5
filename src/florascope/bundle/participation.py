"""photos.json of a bundle: which photos trained, selected and measured its classifier."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from florascope.bundle.config import PHOTOS, read_own_file
from florascope.data.dataset import SUBSETS, Dataset, Split
from florascope.data.identity import BITS, PhotoKeys, content_keys
from florascope.errors import BundleError
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
        named = PhotoKeys(content_keys(dataset), keys.looks) if dataset.published else keys
        return cls(split.name, seed, {subset: named[part] for subset, part in split.items()})

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values: the keys as base64 of big-endian bytes."""
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
    return Participation.from_json(values)


def copy_participation(bundle: Path, other: Path) -> None:
    """Hand a bundle's record on to another form of it."""
    if (bundle / PHOTOS).exists():
        (other / PHOTOS).write_bytes(read_own_file(bundle, PHOTOS, MOST))


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
