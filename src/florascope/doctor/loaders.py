"""What PyTorch and Hugging Face loaders give: batches, and how photos become their tensors."""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, default_collate

from florascope.doctor.evidence import Drawn
from florascope.doctor.photometry import Match, Source, explain
from florascope.doctor.trials import RANDOM
from florascope.errors import DataError
from florascope.preprocessing import Preprocessing

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


def is_photo(images: Tensor) -> bool:
    """Whether a batch is of colour photos with channels first."""
    return images.ndim == 4 and images.shape[1] == 3


def could_be_photo(images: Tensor) -> bool:
    """Whether a batch is of photos with channels first, in colour or grey."""
    return images.ndim == 4 and images.shape[1] in {1, 3}


def in_three(images: Tensor) -> Tensor:
    """Grey photos as photos of three equal channels."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


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


def indexable(loader: Loader) -> Any:  # noqa: ANN401 (torch's Dataset promises no length)
    """Return the loader's data set where its photos can be asked for by index, else None."""
    dataset = getattr(loader, "dataset", None)
    able = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    return dataset if able else None


def unwrapped(dataset: Any) -> tuple[Any, list[int]]:  # noqa: ANN401
    """Follow torch's Subset to the data set below: it, and the indexes that are used of it."""
    indexes = list(range(len(dataset)))
    while hasattr(dataset, "indices") and hasattr(dataset, "dataset"):
        indexes = [int(dataset.indices[i]) for i in indexes]
        dataset = dataset.dataset
    return dataset, indexes


def known(loader: Loader) -> tuple[tuple[str, ...], tuple[str, ...], list[int]]:
    """Class names, paths and labels as torchvision's folders publish them; empty where unknown."""
    dataset = indexable(loader)
    if dataset is None:
        return (), (), []
    base, indexes = unwrapped(dataset)
    classes = tuple(str(c) for c in getattr(base, "classes", ()))
    samples = getattr(base, "samples", None)
    if not samples:
        return classes, (), []
    rows = [samples[i] for i in indexes]
    return classes, tuple(str(row[0]) for row in rows), [int(row[1]) for row in rows]


def repeats(loader: Loader, count: int = 4) -> bool | None:
    """Whether a photo fetched twice is the same tensor; None where it cannot be asked for."""
    dataset = indexable(loader)
    if dataset is None:
        return None
    indexes = range(min(count, len(dataset)))
    return all(torch.equal(photo_of(dataset[i]), photo_of(dataset[i])) for i in indexes)


TRANSFORM = re.compile(r"transform|augment", re.IGNORECASE)


def augments(loader: Loader) -> bool:
    """Whether the data set's transform names something random."""
    return bool(random_steps(loader))


def random_steps(loader: Loader) -> list[str]:
    """Names of what is random in the data set's transform."""
    dataset = indexable(loader)
    if dataset is None:
        return []
    held = getattr(unwrapped(dataset)[0], "__dict__", {})
    kept = (repr(value) for name, value in held.items() if TRANSFORM.search(name))
    words = (word for text in kept for word in re.findall(r"\w+", text))
    return list(dict.fromkeys(word for word in words if RANDOM.search(word)))


def collation(loader: Loader) -> list[str]:
    """Name of a collate_fn of the loader's own, in a list; [] where it has none."""
    together = getattr(loader, "collate_fn", default_collate)
    name = getattr(together, "__name__", type(together).__name__)
    return [] if together is default_collate else [f"collate_fn {name}"]


class _Repeated(Dataset[Any]):
    """One photo, again and again."""

    def __init__(self, dataset: Any) -> None:  # noqa: ANN401
        self.dataset = dataset

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return photo_of(self.dataset[0])


def workers_agree(loader: Loader) -> bool | None:
    """Whether two workers augment the first photo alike; None where there are no two workers.

    Items 0 and 1 come from two workers, 0 and 2 from one, at its first and second photo.
    """
    workers = getattr(loader, "num_workers", 0)
    dataset = indexable(loader)
    if workers < 2 or dataset is None:
        return None
    start: Callable[[int], None] | None = getattr(loader, "worker_init_fn", None)
    trial = DataLoader(_Repeated(dataset), batch_size=None, num_workers=2, worker_init_fn=start)
    first, other, again, _ = list(trial)
    return bool(torch.equal(first, other)) and not torch.equal(first, again)


def evenly(count: int, most: int) -> list[int]:
    """At most so many of the numbers from 0 to count - 1, picked evenly."""
    return [int(i) for i in torch.linspace(0, count - 1, min(most, count))]


def spread(loader: Loader, photos: int) -> Loader:
    """Return a loader of photos picked evenly from all of them, where they can be picked.

    The first batches of a loader that does not shuffle are often of one class.
    """
    dataset = indexable(loader)
    if not isinstance(loader, DataLoader) or dataset is None:
        return loader
    return picked(loader, evenly(len(dataset), photos))


def picked(loader: DataLoader[Any], places: Sequence[int]) -> DataLoader[Any]:
    """Return a loader of the photos at these places of a loader's data set."""
    batch = loader.batch_size or 32
    return DataLoader(
        Subset(loader.dataset, places), batch_size=batch, collate_fn=loader.collate_fn
    )


def prepared_like(train: Loader, val: Loader) -> DataLoader[Any] | None:
    """Return the train loader with its photos prepared, and put into batches, as val's are.

    That is by val's own transform and val's own collate_fn (where mixup and CutMix work). None
    where the two are prepared by the same, or where it cannot be told by what: a transform is what
    both data sets keep under one name that says so (torchvision's `transform`), or a function that
    both keep under one name (its `loader`, a reader of one's own), other than the labels'.
    """
    ours, theirs = indexable(train), indexable(val)
    if not isinstance(train, DataLoader) or ours is None or theirs is None:
        return None
    (base, indexes), (other, _) = unwrapped(ours), unwrapped(theirs)
    held, wanted = (dict(getattr(x, "__dict__", {})) for x in (base, other))
    told = [n for n in held if n in wanted and "target" not in n]
    names = [n for n in told if TRANSFORM.search(n) or callable(held[n]) or callable(wanted[n])]
    changes = {n: wanted[n] for n in names if wanted[n] is not held[n]}
    if not any(callable(value) for name in changes for value in (held[name], wanted[name])):
        changes = {}
    together = getattr(val, "collate_fn", train.collate_fn)
    if not changes and together is train.collate_fn:
        return None
    twin = copy.copy(base)
    twin.__dict__.update(changes)
    return DataLoader(Subset(twin, indexes), batch_size=train.batch_size or 32, collate_fn=together)


def drawn(loader: Loader, batches: Sequence[Batch], picked: Sequence[Batch]) -> Drawn:
    """What a train loader hands over, held against its data set.

    Args:
        loader: of train.
        batches: that it gave, in its own order.
        picked: batches of photos picked evenly from the data set; the same where it has no index.
    """
    prints = [hash(image.numpy().tobytes()) for batch in batches for image in batch.images]
    there = torch.cat([batch.labels for batch in picked]).numpy() if indexable(loader) else None
    soft = any(batch.shares is not None for batch in batches)
    return Drawn.of([batch.labels.numpy() for batch in batches], prints, there, soft=soft)


def sources(loader: Loader) -> tuple[Source, ...]:
    """The photos before their data set does anything to them, in its order; () where unknown.

    They are what the data set keeps one of for each of its items: paths (alone, or first in a
    row, as torchvision's `samples`), Pillow's images, or 8-bit pixels (torchvision's `data`).
    """
    dataset = indexable(loader)
    if dataset is None:
        return ()
    base, indexes = unwrapped(dataset)
    kept = (x for x in vars(base).values() if _many(x, len(base))) if _has_fields(base) else ()
    found = next((x for x in kept if _source(x[0]) is not None), None)
    photos = () if found is None else tuple(_source(found[i]) for i in indexes)
    return tuple(photo for photo in photos if photo is not None)


def _has_fields(dataset: Any) -> bool:  # noqa: ANN401
    return hasattr(dataset, "__dict__") and hasattr(dataset, "__len__")


def _many(value: Any, count: int) -> bool:  # noqa: ANN401
    """Whether a value holds one thing for each photo."""
    return isinstance(value, list | tuple | np.ndarray | Tensor) and 0 < count == len(value)


def _source(kept: Any) -> Source | None:  # noqa: ANN401 (whatever a data set keeps)
    """A photo's file or pixels; None of what is neither."""
    first = kept[0] if isinstance(kept, tuple) and kept else kept
    if isinstance(first, str | Path):
        return Path(first) if Path(first).is_file() else None
    if isinstance(first, Image.Image):
        return np.asarray(first.convert("RGB"))
    pixels = np.asarray(first) if isinstance(first, np.ndarray | Tensor) else None
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3:
        return None
    last = pixels if pixels.shape[2] == 3 else pixels.transpose(1, 2, 0)
    return last if last.shape[2] == 3 else None


def match(
    val_loader: Loader,
    photos: Sequence[Source],
    contract: Preprocessing | None,
    serve: Callable[[Any], Any] | None = None,
    seen: Callable[[Tensor], Tensor] = lambda images: images,
) -> Match:
    """Compare some val photos with their tensors, pixel by pixel.

    Args:
        val_loader: gives the tensors; only one whose data set can be indexed tells anything.
        photos: in the order of that data set; looked up there where there are none.
        contract: what the network expects.
        serve: photo to tensor where the network answers.
        seen: what the first convolution sees of a batch.
    """
    dataset = indexable(val_loader)
    photos = photos or known(val_loader)[1]
    if dataset is None or len(photos) != len(dataset):
        return Match()
    served = None if serve is None else lambda i: _seen(torch.as_tensor(serve(photos[i])), seen)
    return explain(lambda i: _seen(photo_of(dataset[i]), seen), photos, contract, served)


def _seen(photo: Tensor, seen: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401 (3, h, w)
    return seen(photo.float()[None])[0].numpy() if photo.ndim == 3 else photo.float().numpy()
