"""Which photos train, which select, which test."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from florascope.errors import DataError
from florascope.shapes import Bool, Int64

Indexes = Int64[np.ndarray, "_"]

SUBSETS = ("train", "val", "test")
SPELLINGS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What folders and CSV files call the subsets."""


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint sets of photo indexes into one data set.

    Attributes:
        name: how it was asked for ("official", "80-10-10", "folder", or a CSV's file name).
        train: indexes of the photos that fit the weights.
        val: indexes of the photos that select settings.
        test: indexes of the photos that measure, once.
    """

    name: str
    train: Indexes
    val: Indexes
    test: Indexes

    def __post_init__(self) -> None:
        every = np.concatenate([self.train, self.val, self.test])
        twice = len(every) - len(np.unique(every))
        if twice:
            raise DataError(
                f"split {self.name} names {twice} photos in more than one subset",
                expected="disjoint train, val and test",
            )

    def items(self) -> Iterator[tuple[str, Indexes]]:
        """Yield ("train", indexes), ("val", indexes), ("test", indexes)."""
        for subset in SUBSETS:
            yield subset, self[subset]

    def __getitem__(self, subset: str) -> Indexes:
        if subset not in SUBSETS:
            raise DataError(f"subset {subset!r}", expected=f"one of {', '.join(SUBSETS)}")
        indexes: Indexes = getattr(self, subset)
        return indexes

    def only(self, keep: Bool[np.ndarray, "n"]) -> "Split":
        """Drop the photos where keep is False (unreadable ones, say); indexes stay as they are."""
        return Split(self.name, *(part[keep[part]] for _, part in self.items()))
