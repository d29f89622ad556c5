"""What to do next for a better classifier: photos to label, and labels to look at again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int64

from florascope.api.run import Run
from florascope.api.training import open_run
from florascope.data.dataset import FilePhotos, Photo
from florascope.data.listing import photos_below
from florascope.errors import DataError, check_arguments
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.health.quick_probe import out_of_fold, suspects
from florascope.metrics import softmax
from florascope.nets.library import torch_defaults
from florascope.progress import Progress, shown
from florascope.source import as_photos


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


@check_arguments(DataError)
@torch_defaults()
def suggest(
    run: Run | str | PathLike[str],
    photos: str | PathLike[str] | Sequence[Any],
    n: int = 20,
    *,
    progress: Progress | None = None,
) -> Suggestions:
    """Say which photos to label next, and which labels of the run to look at again first.

        fs.suggest("runs/mine", "unlabelled/", n=50).label

    Args:
        run: a finished training, or its folder.
        photos: a folder, of which all photos are taken and those of its subfolders; or photos in
            any form that `florascope.images.as_rgb` takes.
        n: how many of either at most.
        progress: told of each step; None draws a bar where somebody can see one.

    Raises:
        BundleError: the folder is no run's, or its bundle is damaged.
        DataError: n is not positive, no photo can be read, or the run's photos are gone.
    """
    if n < 1:
        raise DataError(f"{n} photos to suggest", expected="at least 1")
    if not isinstance(run, Run):
        run = open_run(run)
    with shown(progress) as told:
        some = _photos(photos)
        bank = embed(some, Engine(run.classifier.backbone), progress=told)
    places = np.flatnonzero(bank.readable)
    if not len(places):
        raise DataError(f"none of {len(some)} photos can be read", expected="photos to label")
    features = bank.values[0][places]
    own = run.experiment
    labelled = np.concatenate([own.split.train, own.split.val])
    shares = softmax(run.classifier.fitted_head.logits(features))
    chosen = worth_labelling(features, 1 - shares.max(1), own.bank.values[0][labelled], n)
    names = [one.name for one in run.classes]
    label = tuple(
        ToLabel(some[places[k]].name, names[shares[k].argmax()], float(shares[k].max()))
        for k in chosen.tolist()
    )
    return Suggestions(_review(run, names, n), label, tuple(bank.problems.values()))


def _photos(photos: str | PathLike[str] | Sequence[Any]) -> Sequence[Photo]:
    if not isinstance(photos, str | PathLike):
        return photos if isinstance(photos, FilePhotos) else as_photos(photos)
    root = Path(photos)
    if not root.is_dir():
        raise DataError(f"{root} is no folder", expected="a folder of photos without labels")
    return FilePhotos(root, (str(Path(path).relative_to(root)) for path in photos_below(str(root))))


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


Features = Float[np.ndarray, "n c"]
Indexes = Int64[np.ndarray, "_"]

LEAST = 0.2
"""Doubt about the surest photo: a classifier of few labels is often sure without reason. Anything
from 0.05 to 0.5 does as well, on other species and seeds than reported (benchmarks/open_world)."""

MOST = 8000
"""Photos that are weighed against each other, or memory would grow with their square."""


def worth_labelling(
    features: Features,
    doubts: Float[np.ndarray, "n"],
    labelled: Float[np.ndarray, "m c"],
    count: int,
    seed: int = 0,
) -> Indexes:
    """Return photos to label next, the most helpful first.

    Each adds the most to sum over i of u_i max over j of s_ij: how well the photos i are stood for
    by those that are labelled or chosen (j), s being the cosine of centred features and u_i the
    doubt about photo i. This facility location is submodular, so that taking the best one at a
    time reaches 1 - 1/e of the optimum (Nemhauser et al. 1978; for active learning Wei, Iyer and
    Bilmes 2015, "Submodularity in data subset selection and active learning").

    Args:
        features: (n, c) of the unlabelled photos.
        doubts: (n,) how little is known of each, 0 to 1; such as 1 - the largest probability.
            u is LEAST of 0 and 1 of 1.
        labelled: (m, c) features of photos that have a label; m may be 0.
        count: how many to return; fewer where there are fewer photos.
        seed: of the sample that is weighed where there are more than `MOST`.
    """
    some = np.arange(len(features))
    if len(some) > MOST:
        some = np.sort(np.random.default_rng(seed).choice(some, MOST, replace=False))
    middle = features[some].mean(0) if len(some) else 0.0
    unit, known = _unit(features[some] - middle), _unit(labelled - middle)
    covered = np.full(len(some), -1.0, np.float32)
    if len(known):
        covered = (unit @ known.T).max(1)
    weights = (LEAST + (1 - LEAST) * doubts[some]).astype(np.float32)
    chosen = _greedy(unit @ unit.T, weights, covered, count)
    return some[chosen]


def _greedy(
    alike: Float[np.ndarray, "n n"],
    doubts: Float[np.ndarray, "n"],
    covered: Float[np.ndarray, "n"],
    count: int,
) -> Indexes:
    """Take the photo of the largest gain, again and again."""
    gains = np.full(len(alike), np.inf, np.float32)  # of before: bounds, as gains only shrink
    chosen: list[int] = []
    for _ in range(min(count, len(alike))):
        best = _best(alike, doubts, covered, gains)
        chosen.append(best)
        gains[best] = -np.inf
        covered = np.maximum(covered, alike[best])
    return np.array(chosen, np.int64)


def _best(
    alike: Float[np.ndarray, "n n"],
    doubts: Float[np.ndarray, "n"],
    covered: Float[np.ndarray, "n"],
    gains: Float[np.ndarray, "n"],
) -> int:
    """Weigh photos anew until one's gain is above all others' bounds (Minoux 1978)."""
    fresh: set[int] = set()
    if np.isposinf(gains).any():  # the first time all at once
        for k, row in enumerate(alike):
            gains[k] = doubts @ np.maximum(row - covered, 0)
        return int(gains.argmax())
    while (best := int(gains.argmax())) not in fresh:
        gains[best] = doubts @ np.maximum(alike[best] - covered, 0)
        fresh.add(best)
    return best


def _unit(rows: Features) -> Features:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Features = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
