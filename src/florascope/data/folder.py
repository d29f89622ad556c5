"""A folder of class folders, with or without train, val and test above them."""

from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np

from florascope.data.dataset import (
    SUBSETS,
    ClassName,
    Dataset,
    FilePhotos,
    is_showable,
    subset_named,
)
from florascope.data.listing import LAYOUT, RUNS, Listing, left_out, list_folder
from florascope.data.names import look, natural_key
from florascope.data.splits import split_from_subsets
from florascope.errors import DataError
from florascope.files import as_utf8
from florascope.images import SUFFIXES

Classes = dict[str, Listing]
"""What lies in each class folder, by its name."""


def folder(root: Path) -> Dataset:
    """Open a folder of photos that are sorted into one folder a class.

    Two layouts are understood: ROOT/rose/1.jpg, and ROOT/train/rose/1.jpg with val and test beside
    train, in any of the words of `florascope.data.dataset`. The second gives the split "folder". A
    photo keeps the side it lies on: where val is missing, or test, a stratified tenth of train
    stands in for it (see `split_from_subsets`); train alone gives no split. A class may be missing
    from val or test. A folder of val or test alone can only measure.

    What is hidden, left by a system, a training run or no photo by its ending is left out, and
    counted in `ignored`.

    Args:
        root: the folder.

    Returns:
        The photos by subset, class and name, in natural order. A class's id and name are its
        folder's name.

    Raises:
        DataError: the folder is missing or empty, photos lie outside class folders or deeper
            than them, or val or test has a class that train has not.
    """
    top = list_folder(root)
    subsets = {s: list_folder(path) for s, path in _subset_folders(top).items()} or {"train": top}
    groups = {subset: _class_folders(listing) for subset, listing in subsets.items()}
    if "train" in groups:
        _check_filled(groups["train"])
        _check_known_classes(groups)
    names = sorted({name for group in groups.values() for name in group}, key=natural_key)
    index = {name: label for label, name in enumerate(names)}
    files = [
        (subset, index[known], name)
        for subset, group in groups.items()
        for known, listing in group.items()
        for name in listing.below(root)
    ]
    labels = np.array([label for _, label, _ in files], dtype=np.int64)
    return Dataset(
        as_utf8(root.resolve().name),
        FilePhotos(root, (name for _, _, name in files)),
        labels,
        tuple(ClassName(name, name) for name in index),
        split_from_subsets("folder", [subset for subset, _, _ in files], labels),
        _ignored([top, *(listing for listing in subsets.values() if listing is not top)], groups),
    )


def _ignored(above: list[Listing], groups: dict[str, Classes]) -> Counter[str]:
    """Add up what was left out at every level."""
    total: Counter[str] = Counter()
    for listing in chain(above, *(group.values() for group in groups.values())):
        total.update(listing.ignored)
    shown = {path for group in groups.values() for path in (one.path for one in group.values())}
    shown |= {listing.path for listing in above}
    runs = sum(path not in shown for listing in above for path in listing.folders)
    return total + Counter({RUNS: runs})


def _subset_folders(top: Listing) -> dict[str, Path]:
    """Find train, val and test; {} where the folders are classes (one may be called "test")."""
    named: dict[str, Path] = {}
    for path in top.folders:
        subset = subset_named(path.name)
        if subset in named:
            raise DataError(
                f"{top.path} holds both {named[subset].name} and {path.name}",
                expected="one folder for each of train, val and test",
            )
        if subset:
            named[subset] = path
    if not any(list_folder(path).folders for path in named.values()):
        return {}
    _check_only_subsets(top, list(named.values()))
    return {subset: named[subset] for subset in SUBSETS if subset in named}


def _check_only_subsets(top: Listing, subsets: list[Path]) -> None:
    folders = (path for path in top.folders if path not in subsets)
    strays = [path.name for path in folders if not list_folder(path).holds_runs_only()]
    if strays := [*strays, *top.photos]:
        raise DataError(
            f"{top.path} holds {strays[0]} beside train",
            expected="only train, val and test there",
            fix=f"Move {strays[0]} elsewhere",
        )


def _class_folders(top: Listing) -> Classes:
    """List the class folders, which hold photos and no folders; training runs are none."""
    if top.photos:
        directly = "1 photo lies" if len(top.photos) == 1 else f"{len(top.photos)} photos lie"
        raise DataError(
            f"{directly} directly in {top.path} ({top.photos[0]} first)",
            expected=LAYOUT,
            fix="Move each into the folder of its class",
        )
    listings = [list_folder(path) for path in top.folders]
    classes = {one.path.name: one for one in listings if not one.holds_runs_only()}
    if top.is_run and not any(one.photos for one in classes.values()):
        raise DataError(
            f"{top.path} holds a training run and no photos",
            expected=LAYOUT,
            fix="Name the folder of photos; runs are opened by open_run and Model",
        )
    if not classes:
        told = f" ({left_out(top.ignored)} left out)" if top.ignored else ""
        raise DataError(f"{top.path} holds no folders and no photos{told}", expected=LAYOUT)
    for listing in classes.values():
        _check_class_folder(listing)
    return classes


def _check_class_folder(listing: Listing) -> None:
    if not is_showable(listing.path.name):
        raise DataError(
            f"the name {listing.path.name!r} of a class folder in {listing.path.parent}",
            expected="a name without control characters, in the file system's encoding",
            fix="Rename the folder",
        )
    if listing.folders:
        raise DataError(
            f"{listing.path} holds folders itself ({listing.folders[0].name} first)",
            expected=LAYOUT,
            fix=f"Move the photos up, or open {listing.path} if its folders are the classes",
        )


def _check_filled(classes: Classes) -> None:
    for listing in classes.values():
        if not listing.photos:
            told = f", but {left_out(listing.ignored)}" if listing.ignored else ""
            raise DataError(
                f"{listing.path} holds no photos{told}",
                expected=f"files ending in {', '.join(sorted(SUFFIXES))}",
                fix="Fill the folder or remove it",
            )


def _check_known_classes(groups: dict[str, Classes]) -> None:
    """Check that nothing is to be selected by, or measured on, that cannot be learned."""
    trained = {look(name): name for name in groups["train"]}
    for subset, group in groups.items():
        odd = sorted(set(group) - set(groups["train"]), key=natural_key)
        if odd:
            meant = trained.get(look(odd[0]))
            raise DataError(
                f"{subset} has {len(odd)} classes that train has not: {odd[0]} first",
                expected=f"classes in {subset} that are in train, too",
                fix=f"Call it {meant}, as in train"
                if meant
                else f"Add {odd[0]} to train, or take it out of {subset}",
            )
