"""Features of Oxford 102 from frozen networks, stored in 16 levels a value."""

import functools
import hashlib
import json
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from florascope.data.dataset import SUBSETS, Dataset, Split
from florascope.data.oxford102 import NAME, oxford102_classes
from florascope.errors import DataError, PhotoError
from florascope.files import new_file
from florascope.images import RGB

TINIEST = float(np.finfo(np.float16).smallest_normal)


@dataclass(frozen=True, eq=False)
class QuantisedFeatures:
    """Features as whole numbers: a value v of channel c is stored as sqrt(v / top_c) in levels.

    The square root (companding: W. R. Bennett, "Spectra of quantized signals", Bell System
    Technical Journal 27, 1948) spends more levels on small values, of which pooled activations
    have the most. What is restored differs from v by at most
    top_c (sqrt(v / top_c) / (levels - 1) + 1 / (4 (levels - 1)^2)), but for the rounding of top.

    Attributes:
        codes: (c, n), 0 to levels - 1; channel by channel, as this compresses best.
        top: (c,) the largest value of each channel, in half precision.
        levels: how many values a code can take.
    """

    codes: UInt8[np.ndarray, "c n"]
    top: Float16[np.ndarray, "c"]
    levels: int

    def __post_init__(self) -> None:
        highest = int(self.codes.max(initial=0))
        if not 2 <= self.levels <= 256 or highest >= self.levels:
            raise DataError(
                f"codes up to {highest} in {self.levels} levels",
                expected="2 to 256 levels, and codes below them",
            )

    @classmethod
    def of(cls, features: Float32[np.ndarray, "n c"], levels: int) -> "QuantisedFeatures":
        """Store features.

        Args:
            features: n photos' features, none negative.
            levels: 2 to 256.

        Raises:
            DataError: a feature is negative, infinite or no number.
        """
        if not (np.isfinite(features).all() and (features >= 0).all()):
            raise DataError("features below 0, or not finite", expected="pooled ReLU activations")
        top = np.maximum(features.max(0), TINIEST).astype(np.float16)
        share = (features / top.astype(np.float32)).clip(0, 1)
        codes = np.rint(np.sqrt(share) * (levels - 1)).astype(np.uint8)
        return cls(np.ascontiguousarray(codes.T), top, levels)

    def expand(self) -> Float32[np.ndarray, "n c"]:
        """Restore the features, (n, c)."""
        root = np.arange(self.levels, dtype=np.float32) / np.float32(self.levels - 1)
        table = np.square(root)[None] * self.top.astype(np.float32)[:, None]
        values = np.take_along_axis(table, self.codes.astype(np.intp), axis=1)
        features: Float32[np.ndarray, "n c"] = np.ascontiguousarray(values.T)
        return features


FILE = "oxford102_features.npz"
CSV_SPLIT = "6552-818-819"
"""The 80/10/10 split that many courses hand out as a CSV file, named for its sizes."""


@dataclass(frozen=True, slots=True)
class AbsentPhoto:
    """A photo of Oxford Flowers 102 of which only the features are here."""

    name: str

    def read(self) -> RGB:
        """Refuse.

        Raises:
            PhotoError: always.
        """
        raise PhotoError(
            f"{self.name} is not in the package, only its features are",
            fix="For the photos themselves, open oxford102",
        )

    def digest(self) -> str:
        """Key of the name, as there is no content."""
        return hashlib.blake2b(self.name.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class EmbeddedOxford102:
    """All that the package knows of Oxford Flowers 102.

    Attributes:
        dataset: the photos' names and labels, the authors' own split ("official") and the one of
            6,552 / 818 / 819 photos.
        stored: features by the name of the weights that made them ("google", "torchvision").
        about: how the file was made: weights' SHA-256, preprocessing, levels.
    """

    dataset: Dataset
    stored: dict[str, QuantisedFeatures]
    about: dict[str, Any]

    def features(self, weights: str) -> Float32[np.ndarray, "n c"]:
        """Return the frozen features of every photo, (8189, 1280).

        Raises:
            DataError: none were made with these weights.
        """
        if weights not in self.stored:
            raise DataError(
                f"no features of weights {weights!r} in the package",
                expected=f"one of {', '.join(self.stored)}",
            )
        return self.stored[weights].expand()


@functools.cache
def embedded_oxford102() -> EmbeddedOxford102:
    """Read the package's file."""
    with resources.as_file(resources.files("florascope.data") / FILE) as path:
        return read_features(path)


def read_features(path: Path) -> EmbeddedOxford102:
    """Read a file that `write_features` wrote.

    Raises:
        DataError: it is missing, or not such a file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            stored = {
                name: QuantisedFeatures(
                    arrays[f"{name}.codes"], arrays[f"{name}.top"], about["levels"]
                )
                for name in about["weights"]
            }
            dataset = _dataset(arrays["labels"], {s: arrays[s] for s in about["splits"]})
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} holds no features ({error})", fix="Install florascope again"
        ) from error
    return EmbeddedOxford102(dataset, stored, about)


def write_features(
    path: Path, dataset: Dataset, stored: dict[str, QuantisedFeatures], weights: dict[str, Any]
) -> None:
    """Write the features, labels and splits of Oxford Flowers 102 into one .npz file.

    The same content gives the same bytes.

    Args:
        path: the file.
        dataset: the photos, with every split that is to travel among its own.
        stored: features by the name of their weights, all in as many levels.
        weights: how each was made, by the same names, as JSON values.
    """
    (levels,) = {features.levels for features in stored.values()}
    about = {"levels": levels, "splits": list(dataset.own_splits), "weights": weights}
    arrays = {"about": np.array(json.dumps(about)), "labels": dataset.labels.astype(np.uint8)}
    arrays |= {name: _sides(split, len(dataset)) for name, split in dataset.own_splits.items()}
    for name, features in stored.items():
        arrays |= {f"{name}.codes": features.codes, f"{name}.top": features.top}
    with new_file(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _sides(split: Split, photos: int) -> UInt8[np.ndarray, "n"]:
    """Number each photo by its subset: 0 train, 1 val, 2 test."""
    sides = np.full(photos, len(SUBSETS), dtype=np.uint8)
    for number, (_, indexes) in enumerate(split.items()):
        sides[indexes] = number
    return sides


def _dataset(labels: UInt8[np.ndarray, "n"], sides: dict[str, UInt8[np.ndarray, "n"]]) -> Dataset:
    photos = [AbsentPhoto(f"image_{number:05d}.jpg") for number in range(1, len(labels) + 1)]
    splits = {name: _split(name, numbers) for name, numbers in sides.items()}
    classes = oxford102_classes()
    return Dataset(NAME, photos, labels.astype(np.int64), classes, splits, published=NAME)


def _split(name: str, sides: UInt8[np.ndarray, "n"]) -> Split:
    return Split(name, *(np.flatnonzero(sides == number) for number in range(len(SUBSETS))))
