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

from florascope.doctor.evidence import Drawn, Labels
from florascope.doctor.photometry import Fit, Photo, fit_photometry
from florascope.doctor.trials import RANDOM
from florascope.errors import DataError
from florascope.images import read_photo
from florascope.preprocessing import Preprocessing

Loader = Iterable[Any]
BILINEAR = Image.Resampling.BILINEAR
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


def spread(loader: Loader, photos: int) -> Loader:
    """Return a loader of photos picked evenly from all of them, where they can be picked.

    The first batches of a loader that does not shuffle are often of one class.
    """
    dataset = indexable(loader)
    if not isinstance(loader, DataLoader) or dataset is None:
        return loader
    picked = [int(i) for i in torch.linspace(0, len(dataset) - 1, min(photos, len(dataset)))]
    batch = loader.batch_size or 32
    return DataLoader(Subset(dataset, picked), batch_size=batch, collate_fn=loader.collate_fn)


def prepared_like(train: Loader, val: Loader) -> Loader | None:
    """Return the train loader with its photos prepared, and put into batches, as val's are.

    That is by val's own transform and val's own collate_fn (where mixup and CutMix work). None
    where the two are prepared by the same, or where it cannot be told by what: a transform is what
    both data sets keep under one name that says so, other than the labels' (torchvision's
    `transform`).
    """
    ours, theirs = indexable(train), indexable(val)
    if not isinstance(train, DataLoader) or ours is None or theirs is None:
        return None
    (base, indexes), (other, _) = unwrapped(ours), unwrapped(theirs)
    held, wanted = (dict(getattr(x, "__dict__", {})) for x in (base, other))
    names = [n for n in held if n in wanted and TRANSFORM.search(n) and "target" not in n]
    changes = {n: wanted[n] for n in names if wanted[n] is not held[n]}
    if not any(callable(value) for name in changes for value in (held[name], wanted[name])):
        changes = {}
    together = getattr(val, "collate_fn", train.collate_fn)
    if not changes and together is train.collate_fn:
        return None
    twin = copy.copy(base)
    twin.__dict__.update(changes)
    return DataLoader(Subset(twin, indexes), batch_size=train.batch_size or 32, collate_fn=together)


def orientation_of(photo: Any) -> int:  # noqa: ANN401 (a path or pixels)
    """EXIF's orientation of a photo's file; 1 for pixels."""
    from florascope.health.looks import orientation

    return orientation(Path(photo)) if isinstance(photo, str | Path) else 1


def files(photos: Sequence[Any], count: int) -> list[int]:
    """Choose photos to look at: some with an EXIF rotation where there are any, then the first."""
    step = max(1, len(photos) // 512)
    some = list(range(0, len(photos), step))
    turned = [i for i in some if orientation_of(photos[i]) != 1][: count // 2]
    return turned + [i for i in some if i not in turned][: count - len(turned)]


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


SHOWN = 96  # pixels of a side that photos are taken from their files with, where they have as many


def photos_of_files(paths: Sequence[str], labels: Labels, like: Tensor, most: int) -> Batch | None:
    """Some photos again, whole and in colour, with the mean and deviation of the loader's.

    Args:
        paths: of all photos; () where unknown.
        labels: of all photos.
        like: photos as the loader gives them, of all classes, (b, 3, h, w).
        most: photos to open, picked evenly.

    Raises:
        PhotoError: one cannot be read.
    """
    if not paths or len(paths) != len(labels):
        return None
    picked = np.unique(np.linspace(0, len(paths) - 1, min(len(paths), most)).astype(np.int64))
    opened = [read_photo(Path(paths[i])) for i in picked]
    there = int(np.median([min(photo.shape[:2]) for photo in opened]))
    side = max(like.shape[-1], min(SHOWN, there))
    shown = [np.asarray(Image.fromarray(p).resize((side, side), BILINEAR)) for p in opened]
    images = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float()
    ours, theirs = (
        (x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)) for x in (images, like)
    )
    scaled = (images - ours[0]) / ours[1].clamp_min(1e-6) * theirs[1] + theirs[0]
    return Batch(scaled, torch.from_numpy(labels[picked]))


LOOKED_AT = 8  # photos

Source = Path | str | Photo
"""A photo: its file, or its 8-bit RGB pixels."""


class Match(NamedTuple):
    """How some val photos became tensors; each None where it cannot be told.

    Attributes:
        fit: in the loader.
        rotated: R^2 of photos with an EXIF rotation, upright and as stored.
        serving: where the network answers.
    """

    fit: Fit | None = None
    rotated: tuple[float, float] | None = None
    serving: Fit | None = None


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
    chosen = files(photos, LOOKED_AT)
    tensors = [_seen(photo_of(dataset[i]), seen) for i in chosen]
    if tensors[0].ndim != 3 or tensors[0].shape[0] != 3:
        return Match()
    expected = contract or Preprocessing(size=tensors[0].shape[-1])
    upright = [_upright(photos[i]) for i in chosen]
    turned = [n for n, i in enumerate(chosen) if orientation_of(photos[i]) != 1]
    straight = [n for n in range(len(chosen)) if n not in turned] or turned
    plain = _some(upright, straight)
    fit = fit_photometry(_some(tensors, straight), plain, expected)
    if serve is None:
        return Match(fit, _rotated(tensors, upright, [photos[i] for i in chosen], expected))
    served = [_seen(torch.as_tensor(serve(photos[chosen[n]])), seen) for n in straight]
    return Match(fit, None, fit_photometry(served, plain, expected))


def _seen(photo: Tensor, seen: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401 (3, h, w)
    return seen(photo.float()[None])[0].numpy() if photo.ndim == 3 else photo.float().numpy()


def _rotated(
    tensors: Sequence[Any],
    upright: Sequence[Photo],
    photos: Sequence[Source],
    contract: Preprocessing,
) -> tuple[float, float] | None:
    turned = [n for n, photo in enumerate(photos) if orientation_of(photo) != 1]
    if not turned:
        return None
    given = _some(tensors, turned)
    lying = [_lying(photos[n]) for n in turned]
    up, down = (
        fit_photometry(given, stood, contract).r2 for stood in (_some(upright, turned), lying)
    )
    return up, down


def _some(items: Sequence[Any], indexes: Sequence[int]) -> list[Any]:
    return [items[i] for i in indexes]


def _upright(photo: Source) -> Photo:
    return photo if isinstance(photo, np.ndarray) else read_photo(Path(photo))


def _lying(photo: Source) -> Photo:
    """A file's pixels as stored, without its EXIF rotation."""
    return read_photo(Path(str(photo)), upright=False)
