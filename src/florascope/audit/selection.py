"""Which photos an audit looks at: labels are not needed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from florascope.audit.localisation import MaskFolder, own_mask
from florascope.audit.photos import AuditPhotos, evenly, prepare_photos
from florascope.data.dataset import ClassName, Dataset, FilePhoto, Photo
from florascope.data.names import natural_key
from florascope.errors import DataError
from florascope.evaluation.held_out import Asked, Origin, choose_photos
from florascope.images import SUFFIXES
from florascope.nets.classifier import Classifier
from florascope.progress import Progress, silent
from florascope.source import NAMES, open_dataset

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
                fix="Say what the numbers mean: --flower and --background",
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
