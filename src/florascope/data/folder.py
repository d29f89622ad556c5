"""A folder of class folders, with or without train, val and test above them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import SPELLINGS, SUBSETS, ClassName, Dataset, FilePhotos, is_showable
from florascope.data.names import natural_key
from florascope.data.splits import split_from_subsets
from florascope.errors import DataError
from florascope.images import SUFFIXES

LAYOUT = "a folder of class folders with photos in them (ROOT/rose/1.jpg), or train, val and test"


def folder(root: Path) -> Dataset:
    """Open a folder of photos that are sorted into one folder a class.

    Two layouts are understood: ROOT/rose/1.jpg, and ROOT/train/rose/1.jpg with val (or valid,
    validation) and test beside train, all with the same class folders. The second gives the
    split "folder". A photo keeps the side it lies on: where val is missing, or test, a stratified
    tenth of train stands in for it (see `split_from_subsets`); train alone gives no split.

    Hidden files and files without a photo's suffix are left out, and counted in `ignored`.

    Args:
        root: the folder.

    Returns:
        The photos by subset, class and name, in natural order. A class's id and name are its
        folder's name.

    Raises:
        DataError: the folder is missing or empty, photos lie outside class folders or deeper
            than them, there is one class only, a class has one photo only, or the subsets have
            different classes.
    """
    top = _list(root)
    subsets = _subset_folders(top)
    groups = {s: _class_folders(_list(path)) for s, path in subsets.items()}
    if not subsets:
        groups = {"train": _class_folders(top)}
    _check_same_classes(groups)
    names = list(groups["train"])
    files = [
        (subset, label, name)
        for subset, group in groups.items()
        for label, listing in enumerate(group.values())
        for name in listing.below(root)
    ]
    labels = np.array([label for _, label, _ in files], dtype=np.int64)
    _check_counts(root, names, np.bincount(labels).tolist())
    others = [_list(path) for path in subsets.values()]
    every = [top, *others, *(listing for group in groups.values() for listing in group.values())]
    return Dataset(
        root.resolve().name,
        FilePhotos(root, (name for _, _, name in files)),
        labels,
        tuple(ClassName(name, name) for name in names),
        split_from_subsets("folder", [subset for subset, _, _ in files], labels),
        sum(listing.ignored for listing in every),
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    """What lies directly in a folder, in natural order: folders, and the names of photos."""

    path: Path
    folders: tuple[Path, ...]
    photos: tuple[str, ...]
    ignored: int

    def below(self, root: Path) -> Iterator[str]:
        """Name the photos by their paths below a folder."""
        folder = self.path.relative_to(root).as_posix()
        return (f"{folder}/{name}" for name in self.photos)


def _list(path: Path) -> _Listing:
    try:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: natural_key(entry.name))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})", expected=LAYOUT) from error
    seen = [entry for entry in found if not _hidden(entry.name)]
    folders = tuple(path / entry.name for entry in seen if entry.is_dir())
    files = [entry.name for entry in seen if not entry.is_dir()]
    photos = tuple(name for name in files if Path(name).suffix.lower() in SUFFIXES)
    return _Listing(path, folders, photos, len(found) - len(folders) - len(photos))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _subset_folders(top: _Listing) -> dict[str, Path]:
    """Find train, val and test; {} where the folders are classes (one may be called "train")."""
    named: dict[str, Path] = {}
    for path in top.folders:
        subset = SPELLINGS.get(path.name.lower())
        if subset in named:
            raise DataError(
                f"{top.path} holds both {named[subset].name} and {path.name}",
                expected="one folder for each of train, val and test",
            )
        if subset:
            named[subset] = path
    if "train" not in named or not _list(named["train"]).folders:
        return {}
    _check_only_subsets(top, list(named.values()))
    return {subset: named[subset] for subset in SUBSETS if subset in named}


def _check_only_subsets(top: _Listing, subsets: list[Path]) -> None:
    folders = (path.name for path in top.folders if path not in subsets)
    strays = [*folders, *top.photos]
    if strays:
        raise DataError(
            f"{top.path} holds {strays[0]} beside train",
            expected="only train, val and test there",
            fix=f"Move {strays[0]} elsewhere",
        )


def _class_folders(top: _Listing) -> dict[str, _Listing]:
    """List the class folders, each of which holds photos and no folders."""
    if top.photos:
        raise DataError(
            f"{len(top.photos)} photos lie directly in {top.path} ({top.photos[0]} first)",
            expected=LAYOUT,
            fix="Move each into the folder of its class",
        )
    if not top.folders:
        raise DataError(f"{top.path} holds no folders and no photos", expected=LAYOUT)
    for path in top.folders:
        if not is_showable(path.name):
            raise DataError(
                f"the name {path.name!r} of a class folder in {top.path}",
                expected="a name without control characters, in the file system's encoding",
                fix="Rename the folder",
            )
    listings = {path.name: _list(path) for path in top.folders}
    for listing in listings.values():
        _check_class_folder(listing)
    return listings


def _check_class_folder(listing: _Listing) -> None:
    if listing.folders:
        raise DataError(
            f"{listing.path} holds folders itself ({listing.folders[0].name} first)",
            expected=LAYOUT,
            fix=f"Move the photos up, or open {listing.path} if its folders are the classes",
        )
    if not listing.photos:
        raise DataError(
            f"{listing.path} holds no photos",
            expected=f"files ending in {', '.join(sorted(SUFFIXES))}",
            fix="Fill the folder or remove it",
        )


def _check_same_classes(groups: dict[str, dict[str, _Listing]]) -> None:
    for subset, group in groups.items():
        odd = sorted(set(group) ^ set(groups["train"]), key=natural_key)
        if odd:
            here, there = (subset, "train") if odd[0] in group else ("train", subset)
            raise DataError(
                f"{subset} and train differ in {len(odd)} classes: {odd[0]} is in {here} only",
                expected=f"the same class folders in train and {subset}",
                fix=f"Add {odd[0]} to {there}, or take it out of {here}",
            )


def _check_counts(root: Path, names: list[str], counts: list[int]) -> None:
    if len(names) < 2:
        raise DataError(
            f"{root} holds one class folder only ({names[0]})",
            expected="at least two classes to tell apart",
        )
    single = [name for name, count in zip(names, counts, strict=True) if count == 1]
    if single:
        raise DataError(
            f"class {single[0]} of {root} has a single photo",
            expected="several photos of every class",
            fix="Add photos, or remove the class",
        )
