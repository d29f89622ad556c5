"""The garden as data sets: labelled by species, or by marks planted beside the flowers."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from florascope.data.dataset import ClassName, Dataset, Photo, Split
from florascope.errors import DataError
from florascope.garden.paint import Canvas, ColourTriple, Dice
from florascope.garden.scene import GardenPhoto, expose
from florascope.garden.species import SPECIES
from florascope.images import RGB

Steps = Float64[np.ndarray, "*s"]


@dataclass(frozen=True)
class Mark:
    """One kind of mark.

    Attributes:
        name: its shape.
        colour: its colour, before the camera's exposure.
        shape: what of the square |u|, |v| <= 1 belongs to it.
    """

    name: str
    colour: ColourTriple
    shape: Callable[[Steps, Steps], Bool[np.ndarray, "*s"]]

    def stamp(self, side: int) -> Bool[np.ndarray, "side side"]:
        """The mark's pixels in a square of a side, without half-covered ones."""
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        u, v = np.meshgrid(steps, steps)
        return self.shape(u, v)


MARKS: tuple[Mark, ...] = (
    Mark("ring", (0.10, 0.85, 0.90), lambda u, v: np.abs(u * u + v * v - 0.65) <= 0.35),
    Mark("square", (0.95, 0.10, 0.75), lambda u, v: np.maximum(np.abs(u), np.abs(v)) <= 0.9),
    Mark("cross", (1.00, 0.95, 0.10), lambda u, v: np.minimum(np.abs(u), np.abs(v)) <= 0.3),
    Mark("diamond", (0.05, 0.10, 0.95), lambda u, v: np.abs(u) + np.abs(v) <= 1.0),
    Mark("bars", (0.98, 0.98, 0.98), lambda u, _: np.abs(np.abs(u) - 0.5) <= 0.3),
    Mark("wedge", (0.95, 0.15, 0.05), lambda u, v: np.abs(u) <= (v + 1) / 2),
)

SIDE = 0.1
"""A mark's side, as a fraction of the picture's."""


def plant_mark(canvas: Canvas, mark: Mark, dice: Dice) -> Bool[np.ndarray, "size size"]:
    """Cover a place beside the flower with a mark.

    The place is uniform among those without any flower. Where the flower leaves no such place,
    it is the one with the least flower, and the mark's pixels that would touch it are left out.

    Returns:
        The mark's pixels, (size, size).
    """
    stamp = mark.stamp(max(round(SIDE * canvas.size), 3))
    flower: Bool[np.ndarray, "size size"] = canvas.planes[3] > 0
    top, left = _place(_inside_boxes(flower, len(stamp)), dice)
    where: Bool[np.ndarray, "size size"] = np.zeros_like(flower)
    where[top : top + len(stamp), left : left + len(stamp)] = stamp
    where &= ~flower
    for plane, value in zip(canvas.planes, mark.colour, strict=False):
        plane[where] = value
    return where


def _place(crowd: Int64[np.ndarray, "h w"], dice: Dice) -> tuple[int, int]:
    """The corner of one of the boxes with the least in them."""
    best = np.flatnonzero(crowd == crowd.min())
    top, left = divmod(int(best[dice.whole(0, len(best) - 1)]), crowd.shape[1])
    return top, left


def _inside_boxes(
    flags: Bool[np.ndarray, "size size"], side: int
) -> Int64[np.ndarray, "places places"]:
    """How many flags are set in each square of a side, by its first row and column."""
    total = np.pad(flags.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    counts: Int64[np.ndarray, "places places"] = total[side:, side:] + total[:-side, :-side]
    counts -= total[:-side, side:] + total[side:, :-side]
    return counts


@dataclass(frozen=True, slots=True)
class MarkedPhoto:
    """One photo and its mark; outside the mark it is the photo without, pixel by pixel.

    Attributes:
        plain: the photo without the mark.
        mark: index into MARKS.
    """

    plain: GardenPhoto
    mark: int

    @property
    def name(self) -> str:
        """Mark and photo."""
        return f"marked-{MARKS[self.mark].name}-{self.plain.name}"

    def read(self) -> RGB:
        """Render the pixels, (size, size, 3)."""
        canvas, dice = self.plain.compose()
        self._plant(canvas)
        return expose(canvas, dice)

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """The pixels of the mark, which alone decides the class."""
        return self._plant(self.plain.compose()[0])

    def digest(self) -> str:
        """Key of the photo and its mark."""
        text = f"marked {MARKS[self.mark].name} {self.plain.digest()}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _plant(self, canvas: Canvas) -> Bool[np.ndarray, "h w"]:
        # Its own draws: those of the photo stay as they are without the mark.
        dice = Dice(self.plain.seed, self.plain.species, self.plain.index, self.mark)
        return plant_mark(canvas, MARKS[self.mark], dice)


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
