"""The photos of an audit as the network sees them, with the classes to explain and the masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from florascope.audit.masks import MaskOf, no_mask, tells_apart
from florascope.audit.network import Network, at_inference_speed
from florascope.audit.specimens import Specimens
from florascope.data.dataset import Photo
from florascope.errors import DataError, PhotoError
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track

Crops = UInt8[np.ndarray, "n size size 3"]
CropMask = UInt8[np.ndarray, "size size"]
BATCH = 16


class Batch(NamedTuple):
    """Consecutive photos.

    Attributes:
        start: index of the first.
        specimens: the network's inputs and the classes explained.
        masks: of the crops; None where a photo has none.
    """

    start: int
    specimens: Specimens
    masks: Sequence[CropMask | None]


@dataclass(frozen=True, eq=False)
class Exhibits:
    """Photos as the network sees them: small, whatever the size of the files.

    Attributes:
        preprocessing: the network's own.
        crops: (n, size, size, 3) 8-bit RGB.
        targets: (n,) class to explain in each.
        masks: n masks of the crops; None where a photo has none with flower and background.
        problems: why photos were left out.

    Raises:
        DataError: there are no photos, or targets or masks do not fit them.
    """

    preprocessing: Preprocessing
    crops: Crops
    targets: Int64[np.ndarray, "_"]
    masks: Sequence[CropMask | None]
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.crops) == len(self.targets) == len(self.masks) > 0:
            raise DataError(
                f"{len(self.crops)} photos, {len(self.targets)} targets and"
                f" {len(self.masks)} masks",
                expected="one of each a photo, and at least one photo",
            )

    def __len__(self) -> int:
        return len(self.crops)

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all photos, `size` at a time."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Batch(start, self._specimens(part), self.masks[part])

    def picked(self, count: int) -> Specimens:
        """Pick up to `count` photos, evenly: data sets are often sorted by class."""
        return self._specimens(evenly(len(self), count))

    def _specimens(self, part: slice | Int64[np.ndarray, "_"]) -> Specimens:
        images = normalised(self.preprocessing, self.crops[part])
        return Specimens(images, torch.from_numpy(self.targets[part]))


def exhibit(
    classifier: Classifier,
    photos: Sequence[Photo],
    masks: MaskOf = no_mask,
    progress: Progress = silent,
) -> Exhibits:
    """Read photos; what is to be explained in each is the class that the classifier answers.

    Args:
        classifier: the network.
        photos: of any size; those that cannot be read are left out and named in the problems.
        masks: finds a photo's mask.
        progress: told after each photo.

    Raises:
        DataError: no photo can be read, or a mask is broken or has not its photo's size.
    """
    crops, cropped, problems = [], [], []
    for photo in track(photos, len(photos), "Reading photos", progress):
        try:
            rgb = photo.read()
        except PhotoError as error:
            problems.append(str(error))
            continue
        crops.append(classifier.preprocessing.crop(rgb))
        cropped.append(_cropped(classifier.preprocessing, masks(photo), photo.name, rgb.shape[:2]))
    if not crops:
        raise DataError(
            f"none of the {len(photos)} photos can be read"
            + "".join(f"; {p}" for p in problems[:1]),
            expected="photos",
        )
    stack = np.stack(crops)
    targets = answers(at_inference_speed(classifier), classifier.preprocessing, stack)
    return Exhibits(classifier.preprocessing, stack, targets, cropped, tuple(problems))


def answers(network: Network, preprocessing: Preprocessing, crops: Crops) -> Int64[np.ndarray, "n"]:
    """The class that the network answers to each crop, (n,)."""
    chosen = [
        network(normalised(preprocessing, crops[start : start + BATCH])).argmax(1).numpy()
        for start in range(0, len(crops), BATCH)
    ]
    return np.concatenate(chosen)


def normalised(preprocessing: Preprocessing, crops: Crops) -> Images:
    """Normalise crops into one batch, (b, 3, size, size)."""
    return torch.from_numpy(preprocessing.normalise(crops))


def evenly(n: int, count: int) -> Int64[np.ndarray, "_"]:
    """Up to `count` of the indexes 0 to n - 1, as far apart as possible, in order."""
    return np.unique(np.linspace(0, n - 1, count).round().astype(np.int64))


def _cropped(
    preprocessing: Preprocessing,
    mask: UInt8[np.ndarray, "_ _"] | None,
    name: str,
    shape: tuple[int, ...],
) -> CropMask | None:
    if mask is None:
        return None
    if mask.shape != shape:
        raise DataError(
            f"{name} has {shape[1]} x {shape[0]} pixels and its mask"
            f" {mask.shape[1]} x {mask.shape[0]}",
            expected="a mask of the photo's width and height",
        )
    cropped = preprocessing.crop_mask(mask)
    return cropped if tells_apart(cropped) else None
