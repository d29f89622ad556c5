"""The photos of an audit: which, with their maps, answers and masks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64, UInt8

from florascope.audit.localisation import MaskFolder, MaskOf, no_mask, own_mask, tells_apart
from florascope.data.dataset import ClassName, Dataset, FilePhoto, Photo
from florascope.data.names import natural_key
from florascope.errors import DataError, ExplanationError, PhotoError
from florascope.evaluation.held_out import Asked, Origin, choose_photos
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.inference import FastClassifier
from florascope.images import SUFFIXES
from florascope.nets.classifier import Classifier, Logits
from florascope.nets.extractor import Images
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent, track
from florascope.source import NAMES, open_dataset

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
    fast: FastClassifier | None = None,
) -> AuditPhotos:
    """Read photos; what is to be explained in each is the class that the classifier answers.

    Args:
        classifier: the network.
        photos: of any size; those that cannot be read are left out and named in the problems.
        masks: finds a photo's mask.
        progress: told after each photo.
        fast: the network at inference speed, where that has been made already.

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
    targets = answers(fast or FastClassifier(classifier), classifier.preprocessing, stack)
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


EVERY = Asked("all")


@dataclass(frozen=True)
class Selection:
    """Photos of a data set, or of a plain folder.

    Attributes:
        source: what a user types for DATA; a folder that holds photos itself is taken whole.
        origin: which photos made the classifier.
        asked: the subset, split and seed that are wanted.
        limit: photos at most, evenly picked.
        masks: folder of masks; only photos that have one are then taken. None for the masks that
            photos know themselves, as those of the garden do.
        data_dir: where Oxford 102 lies.
    """

    source: str
    origin: Origin
    asked: Asked = field(default_factory=Asked)
    limit: int = 100
    masks: MaskFolder | None = None
    data_dir: Path | None = None

    def photos(self, progress: Progress = silent) -> tuple[list[Photo], str]:
        """Open the data and pick the photos; say what those that were chosen from have trained.

        Raises:
            DataError: the data or the split cannot be used, the photos asked for have trained, or
                no photo has a mask in the folder.
        """
        plain = self._plain()
        dataset = plain or open_dataset(self.source, self.data_dir, progress)
        chosen = choose_photos(self.origin, dataset, EVERY if plain else self.asked, progress)
        every = [dataset.photos[index] for index in chosen.indexes]
        marked = every if self.masks is None else _marked(every, self.masks)
        return [marked[index] for index in evenly(len(marked), self.limit)], chosen.statement

    def prepare_photos(self, classifier: Classifier, progress: Progress = silent) -> AuditPhotos:
        """Read the photos and their masks.

        Raises:
            DataError: as `photos`, no photo can be read, or no mask shows flower and background.
        """
        masks = own_mask if self.masks is None else self.masks
        photos, statement = self.photos(progress)
        audit_photos = prepare_photos(classifier, photos, masks, progress)
        if self.masks is not None and not any(mask is not None for mask in audit_photos.masks):
            ids = self.masks.ids
            raise DataError(
                f"none of the {len(audit_photos)} masks in {self.masks.path} shows both kinds",
                expected=f"pixels of {ids.flower} (flower) and of {ids.background} (background)",
                fix="Say what the numbers mean: `flower` and `background`",
            )
        return replace(audit_photos, statement=statement)

    def _plain(self) -> Dataset | None:
        """The photos of a folder that holds nothing deeper, as one class; None for other DATA."""
        folder = Path(self.source).expanduser()
        if self.source in NAMES or not folder.is_dir():
            return None
        shown = [path for path in folder.iterdir() if not path.name.startswith(".")]
        files = [path for path in shown if path.suffix.lower() in SUFFIXES]
        if any(path.is_dir() for path in shown) or not files:
            return None
        ordered = sorted(files, key=lambda path: natural_key(path.name))
        labels = np.zeros(len(files), dtype=np.int64)
        one = ClassName(folder.name, folder.name)
        return Dataset(folder.name, [FilePhoto(path) for path in ordered], labels, (one,))


def _marked(photos: Sequence[Photo], masks: MaskFolder) -> list[Photo]:
    """Photos that have a mask in the folder, no two of them the same."""
    marked = {photo.name: masks.file(photo) for photo in photos if masks.file(photo).is_file()}
    if not marked:
        raise DataError(
            f"none of the {len(photos)} photos has a mask in {masks.path}",
            expected=f"masks named as the photos are, such as {masks.file(photos[0]).name}",
        )
    files = Counter(marked.values())
    if shared := [name for name, file in marked.items() if files[file] > 1]:
        raise DataError(
            f"{len(shared)} photos share a mask with another (first: {shared[0]})",
            expected="photos whose file names differ in more than folder and suffix",
        )
    return [photo for photo in photos if photo.name in marked]
