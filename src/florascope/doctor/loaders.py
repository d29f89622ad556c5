"""What can be learned of a PyTorch data loader's data set."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from florascope.doctor.batches import Batch, Loader, photo_of
from florascope.doctor.evidence import Drawn

RANDOM = re.compile(r"Random|Jitter|Augment|Erasing|MixUp|CutMix|ElasticTransform")


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


def augments(loader: Loader) -> bool:
    """Whether the data set's transform names something random."""
    dataset = indexable(loader)
    if dataset is None:
        return False
    base, _ = unwrapped(dataset)
    transforms = (getattr(base, name, None) for name in ("transform", "transforms"))
    return any(t is not None and RANDOM.search(repr(t)) is not None for t in transforms)


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
