"""The photos of an audit, with their maps, answers and masks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64, UInt8

from florascope.audit.localisation import MaskOf, no_mask, tells_apart
from florascope.data.dataset import Photo
from florascope.errors import DataError, ExplanationError, PhotoError
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.inference import FastClassifier
from florascope.nets.classifier import Classifier, Logits
from florascope.nets.extractor import Images
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track

Network = Callable[[Images], Logits]


class TargetedImages(NamedTuple):
    """A batch to explain.

    Attributes:
        images: (b, 3, H, W) normalised.
        targets: (b,) class indexes.
    """

    images: Images
    targets: Targets


def attribute(
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages
) -> Attribution:
    """Explain a batch.

    Raises:
        ExplanationError: the maps have not the images' size, or hold values that are not finite.
    """
    attribution = explainer(classifier, targeted.images, targeted.targets)
    wanted = (len(targeted.images), *targeted.images.shape[2:])
    found = tuple(attribution.values.shape)
    if found != wanted:
        raise ExplanationError(
            f"{explainer.name} gave maps of shape {found}", expected=f"{wanted}, as the images"
        )
    if not attribution.values.isfinite().all():
        raise ExplanationError(
            f"{explainer.name} gave values that are not finite", expected="numbers"
        )
    return attribution


def maps_of(
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages
) -> Float64[np.ndarray, "b H W"]:
    """Explain a batch and return the maps alone, (b, H, W); errors as `attribute`."""
    return as_array(attribute(classifier, explainer, targeted))


def as_array(attribution: Attribution) -> Float64[np.ndarray, "b H W"]:
    """The maps in float64, (b, H, W)."""
    values: Float64[np.ndarray, "b H W"] = attribution.values.detach().double().numpy()
    return values


Crops = UInt8[np.ndarray, "n size size 3"]
CropMask = UInt8[np.ndarray, "size size"]
BATCH = 16


class Batch(NamedTuple):
    """Consecutive photos.

    Attributes:
        start: index of the first.
        targeted: the network's inputs and the classes explained.
        masks: of the crops; None where a photo has none.
    """

    start: int
    targeted: TargetedImages
    masks: Sequence[CropMask | None]


@dataclass(frozen=True, eq=False)
class AuditPhotos:
    """Photos as the network sees them: small, whatever the size of the files.

    Attributes:
        preprocessing: the network's own.
        crops: (n, size, size, 3) 8-bit RGB.
        targets: (n,) class to explain in each.
        masks: n masks of the crops; None where a photo has none with flower and background.
        problems: why photos were left out.
        statement: what the photos did in the classifier's training; "" where nobody asked.

    Raises:
        DataError: there are no photos, or targets or masks do not fit them.
    """

    preprocessing: Preprocessing
    crops: Crops
    targets: Int64[np.ndarray, "_"]
    masks: Sequence[CropMask | None]
    problems: tuple[str, ...] = ()
    statement: str = ""

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

    def picked(self, count: int) -> TargetedImages:
        """Pick up to `count` photos, evenly: data sets are often sorted by class."""
        return self._specimens(evenly(len(self), count))

    def _specimens(self, part: slice | Int64[np.ndarray, "_"]) -> TargetedImages:
        images = normalised(self.preprocessing, self.crops[part])
        return TargetedImages(images, torch.from_numpy(self.targets[part]))


def prepare_photos(
    classifier: Classifier,
    photos: Sequence[Photo],
    masks: MaskOf = no_mask,
    progress: Progress = silent,
) -> AuditPhotos:
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
    targets = answers(FastClassifier(classifier), classifier.preprocessing, stack)
    return AuditPhotos(classifier.preprocessing, stack, targets, cropped, tuple(problems))


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
