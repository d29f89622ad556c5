"""The garden: procedural flower photos whose flowers are known to the pixel.

The embedded data set of the demo and the tests, and a ground truth for explanations.
"""

import numpy as np

from florascope.data.dataset import ClassName, Dataset
from florascope.data.garden.photo import GardenPhoto
from florascope.data.garden.species import SPECIES
from florascope.data.split import Split

__all__ = ["SPECIES", "GardenPhoto", "garden"]


def garden(per_class: int = 100, seed: int = 0, size: int = 224) -> Dataset:
    """Plant a garden with the split "garden": 60/20/20 of each species.

    Args:
        per_class: photos a species, at least 5.
        seed: same seed, same photos.
        size: height and width in pixels.
    """
    kinds = range(len(SPECIES))
    photos = [GardenPhoto(k, i, seed, size) for k in kinds for i in range(per_class)]
    labels = np.repeat(np.arange(len(SPECIES), dtype=np.int64), per_class)
    place = np.tile(np.arange(per_class), len(SPECIES)) / per_class
    inside = (place < 0.6, (place >= 0.6) & (place < 0.8), place >= 0.8)
    split = Split("garden", *(np.flatnonzero(part) for part in inside))
    classes = tuple(ClassName(str(k + 1), SPECIES[k].name.replace("-", " ")) for k in kinds)
    return Dataset("garden", photos, labels, classes, {"garden": split})
