"""The garden as data sets: labelled by species, or by planted marks."""

from collections.abc import Sequence

import numpy as np

from florascope.data.dataset import ClassName, Dataset, Photo, Split
from florascope.errors import DataError
from florascope.garden.marked import MARKS, MarkedPhoto
from florascope.garden.paint import Dice
from florascope.garden.scene import GardenPhoto
from florascope.garden.species import SPECIES

FIFTHS = 5


def garden(per_class: int = 100, seed: int = 0, size: int = 224) -> Dataset:
    """Photos of every species, rendered one by one as they are read.

    Args:
        per_class: photos of each species, at least 5.
        seed: 0 or more; another seed is another garden of the same species.
        size: pixels a side.

    Returns:
        A data set whose own split, "garden", takes of every five photos of a species three to
        train, one to select and one to test. A photo stays in its subset as per_class grows.

    Raises:
        DataError: fewer than five photos a species.
    """
    names = [species.name for species in SPECIES]
    photos = [
        GardenPhoto(species, index, seed, size)
        for species in range(len(SPECIES))
        for index in range(per_class)
    ]
    return _collection("garden", photos, names, per_class)


def marked_garden(per_class: int = 60, seed: int = 0, size: int = 224) -> Dataset:
    """Photos of all species, each with a small mark beside the flower that alone decides its class.

    Species and scene are drawn independently of the mark, so nothing else in a photo tells its
    class. A classifier that is right here has seen the mark, and an explanation that is true
    points at it: `MarkedPhoto.mask` is the mark, to the pixel.

    Args:
        per_class: photos of each kind of mark, at least 5.
        seed: 0 or more.
        size: pixels a side.

    Returns:
        A data set with the classes of `MARKS` and a split "garden" as that of `garden`.

    Raises:
        DataError: fewer than five photos a mark.
    """
    photos = [
        MarkedPhoto(_any_species(mark, index, seed, size), mark)
        for mark in range(len(MARKS))
        for index in range(per_class)
    ]
    return _collection("marked-garden", photos, [mark.name for mark in MARKS], per_class)


def _any_species(mark: int, index: int, seed: int, size: int) -> GardenPhoto:
    species = Dice(seed, mark, index).whole(0, len(SPECIES) - 1)
    return GardenPhoto(species, index * len(MARKS) + mark, seed, size)


def _collection(
    name: str, photos: Sequence[Photo], names: Sequence[str], per_class: int
) -> Dataset:
    if per_class < FIFTHS:
        raise DataError(
            f"a garden with {per_class} photos a class",
            expected=f"at least {FIFTHS}, for train, val and test",
        )
    return Dataset(
        name=name,
        photos=photos,
        labels=np.repeat(np.arange(len(names), dtype=np.int64), per_class),
        classes=tuple(
            ClassName(str(number), title.replace("-", " "))
            for number, title in enumerate(names, start=1)
        ),
        own_splits={"garden": _split(per_class, len(names))},
    )


def _split(per_class: int, classes: int) -> Split:
    fifth = np.tile(np.arange(per_class) % FIFTHS, classes)
    train, val, test = (np.flatnonzero(part) for part in (fifth < 3, fifth == 3, fifth == 4))
    return Split("garden", train, val, test)
