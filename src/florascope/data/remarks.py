"""What a user should know of a data set before believing any figure of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from florascope.data.dataset import ClassName, Dataset, Split
from florascope.data.listing import left_out
from florascope.data.names import look
from florascope.shapes import Bool

SHOWN = 3  # names in a sentence


def remarks(
    dataset: Dataset, split: Split | None = None, readable: Bool[np.ndarray, "n"] | None = None
) -> tuple[str, ...]:
    """Say what is odd about a data set though it can be used, a sentence each.

    Args:
        dataset: the photos.
        split: their division, which may have left a class out of val or test.
        readable: which photos can be read, where that is known.

    Returns:
        What its source remarked, what was left out of it, classes whose names look alike, classes
        none of whose photos can be read, and classes that a subset does not have.
    """
    found = [*dataset.remarks]
    if told := left_out(dataset.ignored):
        found.append(f"Left out of {dataset.name}: {told}")
    found += (
        f"Classes {_listed(names)} differ only in case, spaces or Unicode form: are they one class?"
        for names in alike(known.name for known in dataset.classes)
    )
    if readable is not None:
        found += (
            f"None of the {count} photos of class {known.name} can be read"
            for known, count in unreadable_classes(dataset, readable).items()
        )
    if split is not None:
        found += _absent(dataset, split)
    return tuple(found)


def alike(names: Iterable[str]) -> list[list[str]]:
    """Group names that differ in case, spaces or Unicode form alone (UAX #15, form KC)."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[look(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def some(names: Sequence[str]) -> str:
    """Write the first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} and {names[-1]!r}"


def unreadable_classes(dataset: Dataset, readable: Bool[np.ndarray, "n"]) -> dict[ClassName, int]:
    """Return the classes none of whose photos can be read, with how many photos they have."""
    left = np.bincount(dataset.labels[readable], minlength=len(dataset.classes))
    rows = zip(dataset.classes, dataset.counts().tolist(), left, strict=True)
    return {known: had for known, had, readable_ones in rows if had and not readable_ones}


def _absent(dataset: Dataset, split: Split) -> Iterator[str]:
    for subset, indexes in split.items():
        counts = np.bincount(dataset.labels[indexes], minlength=len(dataset.classes))
        names = [dataset.classes[k].name for k in np.flatnonzero(counts == 0)]
        if names:
            yield f"No {subset} photo of {some(names)}: {subset} figures say nothing of them"
