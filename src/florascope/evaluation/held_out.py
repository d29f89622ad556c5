"""Which photos of a data set may measure a classifier: those that did not make it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from florascope.bundle.config import read_config
from florascope.bundle.participation import Participation, read_participation
from florascope.data.dataset import SUBSETS, Dataset, Indexes, Photo, Split
from florascope.data.identity import content_keys, looks_of, nearest, unpack_looks
from florascope.data.recorded import sources_of
from florascope.data.splits import STRATIFIED, named_split
from florascope.errors import DataError
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent
from florascope.shapes import UInt8

Subset = Literal["train", "val", "test", "all"]
Roles = UInt8[np.ndarray, "n"]
TRAINED, SELECTED, MEASURED, NEW = range(4)
"""What a photo did in a training: the first three in the order of SUBSETS."""
ROLES = ("trained", "selected", "measured", "new")
DID = ("trained", "selected settings", "measured", "took no part")
OWN = "of the training"
UNKNOWN_PARTS = " (crops would not be)"
UNRECORDED = "the bundle keeps no record of the photos that trained it"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to be measured.

    Attributes:
        subset: None for what is fit to measure: the run's own test photos and unseen ones.
        split: a split of the data set by name, or a CSV file; None for the run's own.
        seed: of a split that is drawn; None for the run's own.
    """

    subset: Subset | None = None
    split: str | None = None
    seed: int | None = None


@dataclass(frozen=True, eq=False)
class Origin:
    """What is known of the photos that made a classifier.

    Attributes:
        record: which they were; None in bundles of version 0.1.
        preprocessing: the classifier's, through which looks are compared.
        split: the name of the split.
        seed: of the training.
    """

    record: Participation | None
    preprocessing: Preprocessing
    split: str = ""
    seed: int = 0

    @classmethod
    def read(cls, bundle: Path) -> Self:
        """Read what a bundle knows.

        Raises:
            BundleError: the folder is no bundle, or its record is damaged.
        """
        config, record = read_config(bundle), read_participation(bundle)
        split, seed = (config.provenance.get(key) for key in ("split", "seed"))
        return cls(record, config.preprocessing, str(split), seed if isinstance(seed, int) else 0)

    @property
    def knows_derived(self) -> bool:
        """Whether crops and edits of the photos that took part are recognised."""
        return self.record is not None and self.record.marks is not None

    def roles(self, dataset: Dataset, progress: Progress = silent) -> Roles | None:
        """Tell what each photo did, (n,); None where there is no record.

        A photo whose content is not in the record is compared by its look: one that was saved
        again did what its nearest photo did. Of the rest, one that derives from a photo (as a
        crop, mirror image, edit or picture of it) did what that did, where the record has marks.
        Content that is there twice did the earlier in the order of SUBSETS, so that what trained
        never counts as test.
        """
        if self.record is None:
            return None
        parts = [self.record.photos[subset] for subset in SUBSETS]
        found, roles = content_keys(dataset), np.full(len(dataset), NEW, np.uint8)
        for role in (MEASURED, SELECTED, TRAINED):
            roles[np.isin(found, parts[role].contents)] = role
        did = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part) for part in parts])
        for find in (self._alike, self._sources):
            unknown = np.flatnonzero(roles == NEW)
            known = find([dataset.photos[index] for index in unknown.tolist()], progress)
            roles[unknown[known >= 0]] = did[known[known >= 0]]
        return roles

    def _alike(self, photos: Sequence[Photo], progress: Progress) -> Indexes:
        """Return the recorded photo that each photo looks like; -1: none."""
        assert self.record is not None
        recorded = [keys.looks for keys in self.record.photos.values()]
        looks = unpack_looks(looks_of(photos, self.preprocessing, progress))
        return nearest(looks, unpack_looks(np.concatenate(recorded)))

    def _sources(self, photos: Sequence[Photo], progress: Progress) -> Indexes:
        """Return the recorded photo that each photo derives from; -1: none, or nobody knows."""
        marks = self.record.marks if self.record else None
        if marks is None or not photos:
            return np.full(len(photos), -1, np.int64)
        return sources_of(photos, marks, progress)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Photos to measure.

    Attributes:
        indexes: into the data set.
        subset: what they may be called.
        statement: a sentence about what they did in the training.
        counts: photos by what they did, in the words of `ROLES`; {} where nobody knows.
    """

    indexes: Indexes
    subset: Subset
    statement: str
    counts: dict[str, int]


def choose_photos(
    origin: Origin, dataset: Dataset, asked: Asked | None = None, progress: Progress = silent
) -> Chosen:
    """Choose the photos of a data set that measure a classifier.

    Without a wish these are the test photos of the very split that the training recorded, found
    by content wherever they lie now, and photos that took no part, which are as good. Where
    nothing took part, everything is measured.

    Args:
        origin: of the classifier.
        dataset: the photos at hand.
        asked: what is wanted.
        progress: told of photos that must be read to be recognised.

    Raises:
        DataError: photos that trained or selected would be called test (or trained ones val), or
            there is nothing to measure.
    """
    how, roles = asked or Asked(), origin.roles(dataset, progress)
    unseen = roles is not None and bool((roles == NEW).all())
    if how.subset == "all" or (unseen and how == Asked() and not _only_held_out(dataset)):
        every = np.arange(len(dataset), dtype=np.int64)
        return Chosen(every, "all", _statement(every, roles, origin), _counts(every, roles))
    subset = how.subset or "test"
    split = _division(origin, dataset, how, roles)
    _check_filled(split, subset, dataset, roles)
    indexes = split[subset]
    return Chosen(indexes, subset, _statement(indexes, roles, origin), _counts(indexes, roles))


def choose_division(
    origin: Origin, dataset: Dataset, asked: Asked | None = None, progress: Progress = silent
) -> Split:
    """Divide a data set as the training did, by content; photos that took no part are test photos.

    Where nothing took part, or another split or seed is asked for, the data set is split anew.

    Args:
        origin: of the classifier.
        dataset: the photos at hand.
        asked: what is wanted; its subset does not matter.
        progress: told of photos that must be read to be recognised.

    Raises:
        DataError: there is no such split, it calls photos val or test that trained, or a subset
            is empty.
    """
    roles = origin.roles(dataset, progress)
    split = _division(origin, dataset, asked or Asked(), roles)
    for subset in SUBSETS:
        _check_filled(split, subset, dataset, roles)
    return split


def recorded_split(origin: Origin, dataset: Dataset, progress: Progress = silent) -> Split | None:
    """Find the photos that took part in a training, as its split; None where there is no record.

    Photos that took no part are in no subset.
    """
    roles = origin.roles(dataset, progress)
    if roles is None:
        return None
    return Split(origin.split, *(np.flatnonzero(roles == role) for role in range(NEW)))


def _division(origin: Origin, dataset: Dataset, asked: Asked, roles: Roles | None) -> Split:
    wished, held_out = asked.split or asked.seed is not None, _only_held_out(dataset)
    if roles is None or wished or held_out:
        name = asked.split if wished or held_out else _recorded_split(origin, dataset)
        split = named_split(dataset, name, origin.seed if asked.seed is None else asked.seed)
        _check_unseen(split, dataset, roles)
        return split
    if (roles == NEW).all():
        return named_split(dataset, None, origin.seed)
    train, val, test = (np.flatnonzero(roles == role) for role in (TRAINED, SELECTED, MEASURED))
    return Split(OWN, train, val, np.sort(np.append(test, np.flatnonzero(roles == NEW))))


def _only_held_out(dataset: Dataset) -> bool:
    """Whether the source itself says that none of its photos is for training."""
    return any(len(split.train) == 0 for split in dataset.own_splits.values())


def _recorded_split(origin: Origin, dataset: Dataset) -> str | None:
    """The key of the run's split, where the data set has one of that name."""
    keys = {split.name: key for key, split in dataset.own_splits.items()}
    return {**keys, STRATIFIED: STRATIFIED}.get(origin.split)


def _check_unseen(split: Split, dataset: Dataset, roles: Roles | None) -> None:
    """Refuse a split that calls photos test which trained or selected, or val which trained."""
    if roles is None:
        return
    for subset, forbidden in (("test", SELECTED), ("val", TRAINED)):
        indexes = split[subset]
        seen = indexes[roles[indexes] <= forbidden]
        if len(seen):
            raise DataError(
                f"split {split.name} of {dataset.name} calls {_photos(len(indexes))} {subset}, but"
                f" {_did(seen, roles)} in the training of this classifier",
                expected=f"{subset} photos that it has not seen",
                fix=_cure(roles),
            )


def _check_filled(split: Split, subset: str, dataset: Dataset, roles: Roles | None) -> None:
    if len(split[subset]):
        return
    if roles is None or split.name != OWN:
        raise DataError(
            f"split {split.name} of {dataset.name} has no {subset} photos",
            expected=f"photos in {subset}",
            fix="Choose another subset, or all",
        )
    raise DataError(
        f"none of the {_photos(len(roles))} of {dataset.name} can be {subset}:"
        f" {_did(np.arange(len(roles)), roles)} in the training of this classifier",
        expected=f"some of its {subset} photos" + (", or new photos" if subset == "test" else ""),
        fix=_cure(roles),
    )


def _cure(roles: Roles) -> str:
    fit = int((roles >= MEASURED).sum())
    own = f"Leave out split and seed to measure the {fit} that are left, or take" if fit else "Take"
    return f"{own} other photos; subset all measures every photo and says what each did"


def _statement(indexes: Indexes, roles: Roles | None, origin: Origin) -> str:
    if roles is None:
        return f"{_photos(len(indexes))}; {UNRECORDED}"
    counts = _counts(indexes, roles)
    own, new = counts["measured"], counts["new"]
    if counts["trained"] or counts["selected"]:
        return (
            f"{_photos(len(indexes))}: {_did(indexes, roles)} in the training;"
            " figures of photos that trained say nothing about new ones"
        )
    parts = [f"the run's own {own} test photos"] if own else []
    # Nothing more is claimed than what was looked for.
    looked = ", neither whole nor as crops or edits" if origin.knows_derived else UNKNOWN_PARTS
    parts += [f"{_photos(new)} not found in the training{looked}"] if new else []
    left = int((roles <= SELECTED).sum())
    rest = f"; the {left} that trained or selected settings are left out" if left else ""
    return " and ".join(parts) + rest


def _did(indexes: Indexes, roles: Roles) -> str:
    """Say what photos did: "48 trained, 18 selected settings"."""
    counts = zip(DID, _counts(indexes, roles).values(), strict=True)
    return ", ".join(f"{n} {did}" for did, n in counts if n)


def _counts(indexes: Indexes, roles: Roles | None) -> dict[str, int]:
    if roles is None:
        return {}
    return {word: int((roles[indexes] == role).sum()) for role, word in enumerate(ROLES)}


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"
