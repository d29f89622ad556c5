"""What can be learned from data that `fit` takes: arrays, PyDataset, tf.data, loaders, generators.

Nothing here imports a framework: each of these is known by what it can do.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from florascope.errors import DataError

BATCH = 32
EXPECTED = "batches of (images, labels), as model.fit takes them"


class Batch(NamedTuple):
    """One batch.

    Attributes:
        images: (b, height, width, channels), or as the data set gives them.
        labels: (b,) class numbers.
        one_hot: whether the labels came as a row of numbers for each photo.
        weights: (b,) of the photos in the loss; None where they count alike.
    """

    images: Float32[np.ndarray, "b ..."]
    labels: Int64[np.ndarray, "b"]
    one_hot: bool
    weights: Float32[np.ndarray, "b"] | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read of train, or of val.

    Attributes:
        batches: at least one.
        size: photos in all; those read, where the data set does not know.
        repeats: whether a photo read twice is the same; None where that cannot be told.
        classes: names of the classes; () where unknown.
        paths: of all photos; () where unknown.
        drawn: the first batches as fit gets them; () where it mixes the photos itself.
    """

    batches: tuple[Batch, ...]
    size: int
    repeats: bool | None = None
    classes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    drawn: tuple[Batch, ...] = ()

    @property
    def images(self) -> Float32[np.ndarray, "n ..."]:
        """All photos read."""
        return np.concatenate([batch.images for batch in self.batches])

    @property
    def labels(self) -> Int64[np.ndarray, "n"]:
        """Their labels."""
        return np.concatenate([batch.labels for batch in self.batches])

    def learned(self, photos: int) -> list[tuple[Any, Int64[np.ndarray, "_"]]]:
        """At most so many photos in batches as fit gets them; mixed where fit mixes them."""
        if self.drawn:
            last = int(np.searchsorted(np.cumsum([len(b.labels) for b in self.drawn]), photos))
            return [(b.images[:photos], b.labels[:photos]) for b in self.drawn[: last + 1]]
        images, labels = self.images, self.labels
        mixed = np.random.default_rng(0).permutation(len(labels))[:photos]
        picks = (mixed[i : i + BATCH] for i in range(0, len(mixed), BATCH))
        return [(images[pick], labels[pick]) for pick in picks]


def read(data: Any, photos: int) -> Reading:  # noqa: ANN401 (whatever fit takes)
    """Read some photos, evenly over the data set where it can be asked for a part.

    Args:
        data: a pair of arrays, a PyDataset, a tf.data.Dataset, a torch DataLoader, a generator (of
            which the batches that are read are used up) or any iterable of (images, labels).
        photos: how many to read at least, where there are as many.

    Raises:
        DataError: it gives nothing, or no (images, labels).
    """
    source = _source(data, photos)
    batches = tuple(_taken(source.open(), photos))
    if not batches:
        raise DataError("the data set gives no batch", expected=EXPECTED)
    repeats = _repeats(source, batches, photos)
    count = sum(len(batch.labels) for batch in batches)
    size = source.size or (source.batches or 0) * len(batches[0].labels)
    names = tuple(str(name) for name in getattr(data, "class_names", None) or ())
    paths = tuple(str(path) for path in getattr(data, "file_paths", None) or ())
    drawn = tuple(_taken(source.drawn(), photos)) if source.drawn else batches
    return Reading(batches, max(size, count), repeats, names, paths, drawn)


class _Source(NamedTuple):
    """A way to read a data set.

    Attributes:
        open: begins a pass over the chosen batches.
        size: photos in all, where known.
        batches: in all, where known.
        fixed: whether every pass gives the same photos in the same order, by construction.
        once: whether there is one pass only.
        drawn: begins a pass as fit makes it; None where that is the same.
    """

    open: Callable[[], Iterable[Any]]
    size: int | None = None
    batches: int | None = None
    fixed: bool = False
    once: bool = False
    drawn: Callable[[], Iterable[Any]] | None = None


def _source(data: Any, photos: int) -> _Source:  # noqa: ANN401
    if _is_pair_of_arrays(data):
        images, labels = as_array(data[0]), as_array(data[1])
        chunks = _chunks(len(labels), photos)
        return _Source(
            lambda: ((images[c], labels[c]) for c in chunks),
            len(labels),
            fixed=True,
            drawn=lambda: (),
        )
    dataset = getattr(data, "dataset", None)
    if dataset is not None and _indexable(dataset) and callable(getattr(data, "collate_fn", None)):
        chunks, together = _chunks(len(dataset), photos), data.collate_fn
        batches = lambda: (together([dataset[int(i)] for i in c]) for c in chunks)  # noqa: E731
        return _Source(batches, len(dataset), fixed=True, drawn=lambda: data)
    if _indexable(data):
        each = max(1, len(_batch(data[0]).labels)) if len(data) else 1
        numbers = evenly(len(data), -(-photos // each))
        return _Source(
            lambda: (data[int(i)] for i in numbers),
            batches=len(data),
            fixed=True,
            drawn=lambda: (data[i] for i in range(len(data))),
        )
    if not isinstance(data, Iterable):
        raise DataError(f"the data set is a {type(data).__name__}", expected=EXPECTED)
    return _Source(lambda: data, batches=_cardinality(data), once=iter(data) is data)


def _is_pair_of_arrays(data: Any) -> bool:  # noqa: ANN401
    pair = isinstance(data, tuple | list) and len(data) in {2, 3}
    return pair and all(hasattr(part, "shape") for part in data[:2])


def _indexable(data: Any) -> bool:  # noqa: ANN401
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _chunks(count: int, photos: int) -> list[Int64[np.ndarray, "_"]]:
    picked = evenly(count, photos)
    return [picked[i : i + BATCH] for i in range(0, len(picked), BATCH)]


def evenly(count: int, wanted: int) -> Int64[np.ndarray, "_"]:
    """At most so many of the numbers from 0 to count - 1, picked evenly."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


def _cardinality(data: Any) -> int | None:  # noqa: ANN401
    """Batches of a tf.data.Dataset; negative where it does not know, or never ends."""
    count = getattr(data, "cardinality", None)
    batches = int(count()) if callable(count) else -1
    return batches if batches > 0 else None


def _taken(raw: Iterable[Any], photos: int) -> Iterator[Batch]:
    read = 0
    for item in raw:
        batch = _batch(item)
        yield batch
        read += len(batch.labels)
        if read >= photos:
            return


def _batch(item: Any) -> Batch:  # noqa: ANN401
    if not isinstance(item, tuple | list) or len(item) < 2:
        raise DataError(f"the data set gives {type(item).__name__}", expected=EXPECTED)
    images, targets = as_array(item[0]).astype(np.float32), as_array(item[1])
    if targets.ndim not in {1, 2} or len(targets) != len(images):
        shapes = f"images of shape {images.shape} with labels of shape {targets.shape}"
        raise DataError(
            f"the data set gives {shapes}", expected="labels of shape (b,), (b, 1) or (b, K)"
        )
    one_hot = targets.ndim == 2 and targets.shape[1] > 1
    labels = targets.argmax(1) if one_hot else targets.reshape(-1)
    weights = as_array(item[2]).astype(np.float32) if len(item) > 2 else None
    alike = weights is None or weights.shape != labels.shape or bool((weights == 1).all())
    return Batch(images, labels.astype(np.int64), one_hot, None if alike else weights)


def as_array(value: Any) -> Any:  # noqa: ANN401 (a tensor of any framework)
    """Return a tensor of any framework as a NumPy array."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _repeats(source: _Source, first: tuple[Batch, ...], photos: int) -> bool | None:
    """Whether a second pass gives the same photos, in whatever order."""
    if source.once:
        return None
    if source.fixed:
        again = next(iter(_taken(source.open(), 1)))
        return bool(np.array_equal(again.images, first[0].images))
    second = tuple(_taken(source.open(), photos))
    same = _fingerprints(first) == _fingerprints(second)
    whole = sum(len(batch.labels) for batch in first) < photos
    ordered = all(np.array_equal(a.labels, b.labels) for a, b in zip(first, second, strict=False))
    # Of a part, another order shows other photos: only a pass over all of them can be compared.
    return same if same or whole or ordered else None


def _fingerprints(batches: tuple[Batch, ...]) -> Counter[int]:
    return Counter(hash(photo.tobytes()) for batch in batches for photo in batch.images)
