"""The photos of an audit, with the classes to explain and the masks, as the network sees them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from florascope.audit.masks import tells_apart
from florascope.audit.specimens import Specimens
from florascope.errors import DataError
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing

Photos = Sequence[UInt8[np.ndarray, "_ _ 3"]]
Masks = Sequence[UInt8[np.ndarray, "_ _"] | None]
Labels = Int64[np.ndarray, "n"]


class Batch(NamedTuple):
    """Consecutive photos.

    Attributes:
        start: index of the first.
        specimens: the network's inputs and the classes explained.
        masks: cropped as the photos are; None where they do not show flower and background.
    """

    start: int
    specimens: Specimens
    masks: list[UInt8[np.ndarray, "size size"] | None]


@dataclass(frozen=True, eq=False)
class Exhibits:
    """Photos of any size, brought into the network's shape a batch at a time.

    Attributes:
        preprocessing: the network's own.
        photos: n photos, 8-bit RGB.
        targets: (n,) class to explain in each.
        masks: n masks of the photos' sizes, or None where there is none.

    Raises:
        DataError: there are no photos, or targets or masks do not fit them.
    """

    preprocessing: Preprocessing
    photos: Photos
    targets: Labels
    masks: Masks

    def __post_init__(self) -> None:
        if not len(self.photos) == len(self.targets) == len(self.masks) > 0:
            raise DataError(
                f"{len(self.photos)} photos, {len(self.targets)} targets"
                f" and {len(self.masks)} masks",
                expected="one of each a photo, and at least one photo",
            )
        for index, (photo, mask) in enumerate(zip(self.photos, self.masks, strict=True)):
            if mask is not None and mask.shape != photo.shape[:2]:
                raise DataError(
                    f"photo {index} has {photo.shape[:2]} pixels and its mask {mask.shape}",
                    expected="a mask of the photo's height and width",
                )

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all photos, `size` at a time."""
        for start in range(0, len(self.photos), size):
            indexes = np.arange(start, min(start + size, len(self.photos)))
            yield Batch(start, self._specimens(indexes), [self._mask(int(i)) for i in indexes])

    def picked(self, count: int) -> Specimens:
        """Pick up to `count` photos, evenly: data sets are often sorted by class."""
        places = np.linspace(0, len(self.photos) - 1, count).round().astype(np.int64)
        return self._specimens(np.unique(places))

    def _specimens(self, indexes: Int64[np.ndarray, "b"]) -> Specimens:
        photos = [self.photos[index] for index in indexes]
        return Specimens(
            normalised(self.preprocessing, photos), torch.from_numpy(self.targets[indexes])
        )

    def _mask(self, index: int) -> UInt8[np.ndarray, "size size"] | None:
        mask = self.masks[index]
        cropped = None if mask is None else self.preprocessing.crop_mask(mask)
        return cropped if cropped is not None and tells_apart(cropped) else None


def exhibit(
    classifier: Classifier, photos: Photos, targets: Labels | None, masks: Masks | None
) -> Exhibits:
    """Bring together what an audit looks at.

    Args:
        classifier: the network.
        photos: n photos.
        targets: (n,) class indexes; None for the class that the classifier answers.
        masks: n masks; None for none at all.

    Raises:
        DataError: as `Exhibits`, or a target is no class.
    """
    classes = len(classifier.classes)
    chosen = answers(classifier, photos) if targets is None else targets
    if any(not 0 <= target < classes for target in chosen):
        raise DataError(
            f"targets from {chosen.min()} to {chosen.max()}", expected=f"0 to {classes - 1}"
        )
    return Exhibits(classifier.preprocessing, photos, chosen, masks or [None] * len(photos))


def answers(classifier: Classifier, photos: Photos, batch_size: int = 16) -> Labels:
    """The class that the classifier answers to each photo, (n,)."""
    chosen = []
    with torch.no_grad():
        for start in range(0, len(photos), batch_size):
            batch = normalised(classifier.preprocessing, photos[start : start + batch_size])
            chosen.append(classifier(batch).argmax(1).numpy())
    return np.concatenate([np.zeros(0, np.int64), *chosen])


def normalised(preprocessing: Preprocessing, photos: Photos) -> Images:
    """Crop and normalise photos into one batch, (b, 3, size, size)."""
    crops = np.stack([preprocessing.crop(photo) for photo in photos])
    return torch.from_numpy(preprocessing.normalise(crops))
