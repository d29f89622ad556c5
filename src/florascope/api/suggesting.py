"""What to do next for a better classifier: photos to label, and labels to look at again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from florascope.api.run import Run
from florascope.data.dataset import FilePhotos, Photo
from florascope.data.listing import photos_below
from florascope.errors import DataError
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.health.labelling import worth_labelling
from florascope.health.quick_probe import out_of_fold, suspects
from florascope.metrics import softmax
from florascope.nets.classifier import LinearHead
from florascope.progress import Progress, shown


@dataclass(frozen=True, slots=True)
class ToLabel:
    """A photo without a label.

    Attributes:
        photo: its name.
        looks_like: the class that the classifier takes it for.
        probability: of that class, 0 to 1.
    """

    photo: str
    looks_like: str
    probability: float


@dataclass(frozen=True, slots=True)
class ToReview:
    """A labelled photo of the run whose label is probably wrong.

    Attributes:
        photo: its name.
        label: its class.
        looks_like: the class that a probe takes it for which did not see it.
        margin: probability of that class less the label's, 0 to 1.
    """

    photo: str
    label: str
    looks_like: str
    margin: float


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What to do next, each list the most helpful first.

    Attributes:
        review: labels to look at again.
        label: photos to label.
        unreadable: photos that could not be read, and why.
    """

    review: tuple[ToReview, ...]
    label: tuple[ToLabel, ...]
    unreadable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the lists as JSON values."""
        return asdict(self)


def suggest(
    run: Run,
    photos: str | PathLike[str] | Sequence[Photo],
    n: int = 20,
    *,
    progress: Progress | None = None,
) -> Suggestions:
    """Say which photos to label next, and which labels of the run to look at again first.

        fs.suggest(fs.open_run("runs/mine"), "unlabelled/", n=50).label

    Args:
        run: a finished training.
        photos: a folder, of which all photos are taken and those of its subfolders; or photos.
        n: how many of either at most.
        progress: told of each step; None draws a bar where somebody can see one.

    Raises:
        DataError: n is not positive, no photo can be read, or the run's photos are gone.
    """
    if n < 1:
        raise DataError(f"{n} photos to suggest", expected="at least 1")
    with shown(progress) as told:
        some = _photos(photos)
        bank = embed(some, Engine(run.classifier.backbone), progress=told)
    places = np.flatnonzero(bank.readable)
    if not len(places):
        raise DataError(f"none of {len(some)} photos can be read", expected="photos to label")
    features = bank.values[0][places]
    own = run.experiment
    labelled = np.concatenate([own.split.train, own.split.val])
    shares = softmax(_head(run).logits(features))
    chosen = worth_labelling(features, 1 - shares.max(1), own.bank.values[0][labelled], n)
    names = [one.name for one in run.classes]
    label = tuple(
        ToLabel(some[places[k]].name, names[shares[k].argmax()], float(shares[k].max()))
        for k in chosen.tolist()
    )
    return Suggestions(_review(run, names, n), label, tuple(bank.problems.values()))


def _photos(photos: str | PathLike[str] | Sequence[Photo]) -> Sequence[Photo]:
    if not isinstance(photos, str | PathLike):
        return photos
    root = Path(photos)
    if not root.is_dir():
        raise DataError(f"{root} is no folder", expected="a folder of photos without labels")
    return FilePhotos(root, (str(Path(path).relative_to(root)) for path in photos_below(str(root))))


def _head(run: Run) -> LinearHead:
    head = run.classifier.head
    return LinearHead(head.weight.detach(), head.bias.detach())


def _review(run: Run, names: list[str], n: int) -> tuple[ToReview, ...]:
    """Find probable label errors among the photos that trained and selected."""
    own = run.experiment
    indexes = np.concatenate([own.split.train, own.split.val])
    labels = own.dataset.labels[indexes]
    shares = out_of_fold(own.bank.values[0][indexes], labels, len(names))
    return tuple(
        ToReview(
            own.dataset.photos[indexes[s.index]].name, names[s.label], names[s.looks_like], s.margin
        )
        for s in suspects(shares, labels)[:n]
    )
