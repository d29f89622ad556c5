"""Is a photo on two sides of the split? Between train and val, train and test, val and test."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from florascope.data.identity import near_pairs
from florascope.doctor.evidence import Evidence, Subset
from florascope.doctor.finding import Finding

NAMES = {"train": "train", "val": "validation", "test": "test"}
FILES, BYTES, NEAR = "files", "photos (equal bytes)", "photos (near-duplicates)"
LEAKING = 0.02  # of the photos that measure


@dataclass(frozen=True)
class Sides:
    """Two subsets that must share nothing.

    Attributes:
        seen: the one whose photos the network has learned or been chosen by.
        measured: the one that says how good it is.
    """

    seen: str
    measured: str

    def cause(self, what: str) -> str:
        """Name the cause, such as "train and validation share files"."""
        return f"{NAMES[self.seen]} and {NAMES[self.measured]} share {what}"

    def of(self, evidence: Evidence) -> tuple[Subset, Subset] | None:
        """Return both subsets, None where one is not to be had."""
        seen, measured = getattr(evidence, self.seen), getattr(evidence, self.measured)
        return None if seen is None or measured is None else (seen, measured)

    def paths(self, evidence: Evidence) -> Finding | None:
        """No file is in both."""
        both = self.of(evidence)
        return both and self._leak("paths", FILES, both[1], _equal(both, "paths"), 0.99)

    def contents(self, evidence: Evidence) -> Finding | None:
        """No two files, one in each, have the same bytes."""
        both = self.of(evidence)
        if both is None or _equal(both, "paths"):
            return None
        return self._leak("digests", BYTES, both[1], _equal(both, "digests"), 0.98)

    def near(self, evidence: Evidence) -> Finding | None:
        """No photo of one looks like a photo of the other resized or saved again."""
        both = self.of(evidence)
        if both is None or both[0].hashes is None or both[1].hashes is None:
            return None
        pairs = near_pairs(both[1].hashes, both[0].hashes)
        equal = _equal(both, "paths") | _equal(both, "digests")
        return self._leak("near", NEAR, both[1], {*np.unique(pairs[:, 0]).tolist()} - equal, 0.93)

    def _leak(
        self, kind: str, what: str, subset: Subset, doubled: Collection[int], sure: float
    ) -> Finding | None:
        if not doubled:
            return None
        first = f" ({subset.paths[min(doubled)]} first)" if subset.paths else ""
        name = kind if self.measured == "val" else f"{self.seen}_{self.measured}_{kind}"
        return Finding(
            f"split.{name}",
            self.cause(what),
            "error" if len(doubled) > LEAKING * subset.size else "warning",
            f"{len(doubled)} of {subset.size} {self.measured} photos are copies of"
            f" {self.seen} photos{first}",
            "none: what was learned by heart measures nothing",
            "Keep doubled photos on one side of the split",
            sure,
        )


def _equal(both: tuple[Subset, Subset], kind: str) -> set[int]:
    """Places in the second subset of what the first has, too."""
    seen: Sequence[str] = getattr(both[0], kind)
    measured: Sequence[str] = getattr(both[1], kind)
    shared = set(seen) & set(measured)
    return {i for i, key in enumerate(measured) if key in shared}


TRAIN_VAL, TRAIN_TEST, VAL_TEST = (
    Sides("train", "val"),
    Sides("train", "test"),
    Sides("val", "test"),
)
CHECKS: tuple[Callable[[Evidence], Finding | None], ...] = tuple(
    check
    for sides in (TRAIN_VAL, TRAIN_TEST, VAL_TEST)
    for check in (sides.paths, sides.contents, sides.near)
)
