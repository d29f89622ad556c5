"""Batches as PyTorch and Hugging Face loaders give them: tuples, dictionaries, soft labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from florascope.errors import DataError

Loader = Iterable[Any]
IMAGES = ("pixel_values", "images", "image", "img", "inputs", "input", "x", "data")
LABELS = ("labels", "label", "targets", "target", "y", "classes", "class")
EXPECTED = "batches of (images, labels), or of {'pixel_values': images, 'labels': labels}"


class Batch(NamedTuple):
    """Photos with their labels.

    Attributes:
        images: (b, ...) in 32-bit floats.
        labels: (b,) class numbers; of mixtures, the class with the largest share.
        shares: (b, K) where labels are mixtures of classes, else None.
    """

    images: Tensor
    labels: Tensor
    shares: Tensor | None = None


def take(loader: Loader, photos: int) -> list[Batch]:
    """Take batches until there are enough photos.

    Raises:
        DataError: the loader is empty, or its batches hold no images with labels.
    """
    taken: list[Batch] = []
    for batch in loader:
        taken.append(read(batch))
        if sum(len(one.labels) for one in taken) >= photos:
            break
    if not taken:
        raise DataError("the loader gives no batch", expected=EXPECTED)
    return taken


def read(batch: Any) -> Batch:  # noqa: ANN401 (whatever the loader gives)
    """Find images and labels in a batch.

    Raises:
        DataError: it holds none.
    """
    if isinstance(batch, Batch):
        return batch
    images, labels = _parts(batch)
    images, labels = torch.as_tensor(images).float(), torch.as_tensor(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim < 2:
        return Batch(images, labels.long())
    mixed = bool((labels.amax(1) < labels.sum(1) - 1e-6).any())
    return Batch(images, labels.argmax(1), labels.float() if mixed else None)


def photo_of(item: Any) -> Tensor:  # noqa: ANN401 (whatever the data set gives)
    """Return the photo of one item of a data set."""
    return torch.as_tensor(_parts(item)[0]).float()


def _parts(batch: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Images and labels: by name, in a sequence the first two."""
    if isinstance(batch, Mapping):
        return _named(batch, IMAGES), _named(batch, LABELS)
    if isinstance(batch, Sequence) and len(batch) > 1 and not isinstance(batch, str):
        return batch[0], batch[1]
    raise DataError(f"the loader gives {type(batch).__name__}", expected=EXPECTED)


def _named(batch: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401
    found = next((name for name in names if name in batch), None)
    if found is None:
        keys = ", ".join(map(str, batch)) or "no keys"
        raise DataError(
            f"the loader gives a dictionary with {keys}", expected=f"one of {', '.join(names)}"
        )
    return batch[found]


class Remembered:
    """A loader that can be read only once, such as a generator, kept so that it can be again."""

    def __init__(self, loader: Iterator[Any], photos: int) -> None:
        self.kept = take(loader, photos)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.kept)


def repeatable(loader: Loader, photos: int) -> Loader:
    """Return the loader, or what it still gives where it can be read only once."""
    return Remembered(loader, photos) if isinstance(loader, Iterator) else loader
