"""`florascope doctor model.keras --data photos/`: a saved model and a folder, held together."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64
from PIL import Image

from florascope.data.dataset import Dataset, Indexes
from florascope.data.splits import choose_split
from florascope.doctor.diagnosis import Diagnosis
from florascope.doctor.evidence import Finding
from florascope.doctor.keras.network import run
from florascope.errors import DataError, FlorascopeError, PhotoError
from florascope.nets.keras_models import is_front, leaves, opened
from florascope.progress import Progress, silent, track
from florascope.source import open_dataset

LOOKED_AT = 256  # photos of each subset
TRIED = 96  # train photos that a scaling is chosen by


class Scaling(NamedTuple):
    """x = pixel / divisor + offset, outside the model.

    Attributes:
        name: the range that it gives.
        divisor: of 0 to 255.
        offset: added.
    """

    name: str
    divisor: float = 1.0
    offset: float = 0.0


SCALINGS = (
    Scaling("0 to 255"),
    Scaling("0 to 1", 255.0),
    Scaling("-1 to 1", 127.5, -1.0),
)


class Photos(NamedTuple):
    """Photos as arrays.

    Attributes:
        images: (n, height, width, 3) of 0 to 255.
        labels: (n,) as Keras's image_dataset_from_directory numbers classes: names in text order.
    """

    images: Float32[np.ndarray, "n height width 3"]
    labels: Int64[np.ndarray, "n"]


def examine(
    path: Path,
    source: str,
    split: str | None = None,
    data_dir: Path | None = None,
    progress: Progress = silent,
) -> Diagnosis:
    """Diagnose a saved Keras model with photos.

    Photos are squashed to the model's size, as image_dataset_from_directory does. Where the model
    does not scale them itself, the scaling is the one under which it is right most often on train,
    and a note says so.

    Raises:
        FlorascopeError: the model cannot be opened, or takes no photos.
        DataError: no photo can be read, or they are of other classes than the model's.
    """
    from florascope.doctor.keras.gather import diagnose

    model = opened(path)
    height, width = _size(model)
    dataset = open_dataset(source, data_dir, progress)
    chosen = choose_split(dataset, split)
    train, val = (
        _read(dataset, indexes, (width, height), f"Reading {name} photos", progress)
        for name, indexes in (("train", chosen.train), ("val", chosen.val))
    )
    outputs, classes = int(model.output_shape[-1]), len(dataset.classes)
    if outputs != classes and (outputs, classes) != (1, 2):
        raise DataError(
            f"the model has {outputs} outputs, {source} has {classes} classes",
            expected="the photos that it was trained on",
        )
    scaling, note = _scaling(model, train)
    pairs = (((p.images / scaling.divisor + scaling.offset), p.labels) for p in (train, val))
    found = diagnose(model, *pairs, progress=progress)
    return Diagnosis((*found.findings, *note), found.seconds)


def _size(model: Any) -> tuple[int, int]:  # noqa: ANN401
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != 3 or None in shape[1:3]:
        raise FlorascopeError(
            f"the model takes inputs of shape {shape}", expected="(None, height, width, 3)"
        )
    return shape[1], shape[2]


def _read(
    dataset: Dataset, indexes: Indexes, size: tuple[int, int], what: str, progress: Progress
) -> Photos:
    """Some photos of a subset, evenly; those that cannot be read are left out."""
    picked = indexes[np.unique(np.linspace(0, len(indexes) - 1, LOOKED_AT).astype(int))]
    rank = np.argsort(np.argsort([kind.id for kind in dataset.classes]))
    images, labels, problem = [], [], ""
    for index in track(picked.tolist(), len(picked), what, progress):
        try:
            photo = Image.fromarray(dataset.photos[index].read())
        except PhotoError as error:
            problem = str(error)
            continue
        images.append(np.asarray(photo.resize(size, Image.Resampling.BILINEAR), np.float32))
        labels.append(rank[dataset.labels[index]])
    if not images:
        raise DataError(f"no photo can be read; the last: {problem}", expected="photos")
    return Photos(np.stack(images), np.array(labels, np.int64))


def _scaling(model: Any, train: Photos) -> tuple[Scaling, tuple[Finding, ...]]:  # noqa: ANN401
    """Choose a scaling; a note where the model does not say it itself."""
    kinds = {type(layer).__name__ for layer in leaves(model) if is_front(layer)}
    if kinds & {"Rescaling", "Normalization"}:
        return SCALINGS[0], ()
    at = np.unique(np.linspace(0, len(train.labels) - 1, TRIED).astype(int))
    right = {
        s: float((_said(model, train.images[at] / s.divisor + s.offset) == train.labels[at]).mean())
        for s in SCALINGS
    }
    best = max(right, key=lambda s: right[s])
    tried = ", ".join(f"{right[s]:.0%} at {s.name}" for s in SCALINGS)
    note = Finding(
        "inputs.chosen",
        "the model does not say how photos are scaled",
        "note",
        f"right on train photos: {tried}; diagnosed at {best.name}",
        "a layers.Rescaling inside the model, which cannot be forgotten",
        "Put the scaling into the model, before the backbone",
        0.9,
    )
    return best, (note,)


def _said(model: Any, images: Float32[np.ndarray, "b ..."]) -> Int64[np.ndarray, "b"]:  # noqa: ANN401
    outputs = run(model, images)
    return (outputs[:, 0] > 0.5).astype(np.int64) if outputs.shape[1] == 1 else outputs.argmax(1)
