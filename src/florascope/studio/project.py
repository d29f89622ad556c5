"""A project on disk: whose photos, what each shows, and every edit that was made to that."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from florascope.data.dataset import ClassName, Dataset, FilePhoto, is_showable
from florascope.data.listing import photos_below
from florascope.data.names import natural_key
from florascope.errors import DataError
from florascope.files import as_utf8, new_file, write_json
from florascope.source import open_dataset
from florascope.strict_json import parse_json

SCHEMA = "florascope-studio/1"
FILE, ADDED, CORRECTIONS = "project.json", "added", "corrections"
UNSORTED = ""  # what a photo shows that nobody has said anything about
FEWEST = 3  # photos of a class: one to train, one to select, one to measure
Kind = Literal["label", "remove", "rename", "confirm"]
Change = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that somebody said of photos; files are never touched.

    Attributes:
        kind: "label" gives photos a class, "remove" leaves them out, "rename" gives a class another
            name (an existing one joins both), "confirm" says that photos are as they should be.
        photos: their names; none for "rename".
        to: the class; "" for none.
        of: the class that "rename" renames.
    """

    kind: Kind
    photos: tuple[str, ...] = ()
    to: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Original:
    """A photo as its source has it.

    Attributes:
        name: unique in the project: its path below the source or the project.
        path: the file.
        label: its class's name, "" for none.
        subset: "train", "val" or "test" where its source divides them, else "".
    """

    name: str
    path: Path
    label: str
    subset: str = ""


class Project:
    """A folder with one file that says everything, written whole at each edit.

    PROJECT/project.json holds the source's path and the journal of edits; PROJECT/added/CLASS/ the
    photos that were dropped. A photo's label is its source's, changed by the edits in their order.

    Args:
        folder: the project's.
        source: labelled photos of this machine, a folder or a list; None for dropped ones alone.
        edits: the journal.

    Attributes:
        photos: all of them, also those left out; an id is a place in this list.
        labels: what each shows: a class, "" for unsorted, None for left out.
        confirmed: photos somebody said are as they should be.
    """

    def __init__(self, folder: Path, source: Path | None, edits: Iterable[Edit] = ()) -> None:
        self.folder, self.source = folder, source
        self.photos: list[Original] = [*_linked(source), *_added(folder)]
        self._ids = {photo.name: i for i, photo in enumerate(self.photos)}
        self._edits = list(edits)
        self._lock = threading.RLock()
        self._replay()

    @classmethod
    def open(cls, folder: Path, source: Path | None = None) -> "Project":
        """Open a project, or begin one where there is none.

        Args:
            folder: of the project.
            source: its photos; None takes those it was begun with.

        Raises:
            DataError: the folder is something else, is a project of other photos, or they are gone.
        """
        told = _read(folder)
        kept = Path(told["source"]) if told["source"] else None
        wanted = None if source is None else source.expanduser().absolute()
        if kept and wanted and kept.exists() and kept != wanted:
            raise DataError(
                f"{folder} is a project of {kept}",
                expected=f"a project of {wanted}, or a new folder",
                fix="Name another folder: `project='another-folder'`",
            )
        project = cls(folder, wanted or kept, told["edits"])
        if project.source != kept or not (folder / FILE).exists():
            project.save()  # never without need: a worker opens it while its studio writes
        return project

    def save(self) -> None:
        """Write project.json, wholly or not at all."""
        edits = [{k: v for k, v in asdict(edit).items() if v} for edit in self._edits]
        source = str(self.source or "")
        write_json(self.folder / FILE, {"schema": SCHEMA, "source": source, "edits": edits})

    @property
    def last(self) -> Edit | None:
        """The edit that `undo` would take back."""
        return self._edits[-1] if self._edits else None

    def classes(self) -> dict[str, int]:
        """Photos of each class, in natural order; the unsorted are not among them."""
        counts = Counter(label for label in self.labels if label)
        return {name: counts[name] for name in sorted(counts, key=natural_key)}

    def id_of(self, name: str) -> int | None:
        """Return the id of a photo's name; None where it is no longer there."""
        return self._ids.get(name)

    def edit(self, edit: Edit) -> list[Change]:
        """Make an edit and keep it.

        Returns:
            The photos whose label changed, with their new one.

        Raises:
            DataError: it names a photo or class that is not there, or a class as none can be named.
        """
        with self._lock:
            _check(edit, self)
            before, edits = list(self.labels), self._edits
            self._edits = [*edits, edit]
            try:
                self.save()
            except BaseException:
                self._edits = edits
                raise
            self._apply(edit)
            return _changes(before, self.labels)

    def undo(self) -> list[Change]:
        """Take back the last edit.

        Raises:
            DataError: there is none.
        """
        with self._lock:
            if not self._edits:
                raise DataError("there is nothing to undo", expected="an edit before")
            before, last = list(self.labels), self._edits.pop()
            try:
                self.save()
            except BaseException:
                self._edits.append(last)
                raise
            self._replay()
            return _changes(before, self.labels)

    def add(self, photo: bytes, label: str, file: str) -> int | None:
        """Keep a copy of a dropped photo, byte for byte.

        Args:
            photo: the file's bytes.
            label: name of its class, or "".
            file: its file name.

        Returns:
            Its id; None where the same photo is there already, under the same name and class.

        Raises:
            DataError: the class or the file cannot be named so.
        """
        if label:
            check_class_name(label)
        if not is_showable(file) or file.startswith(".") or Path(file).name != file:
            raise DataError(f"{file[:60]!r} cannot name a photo's file", expected="a plain name")
        with self._lock:
            path = self._free(Path(label or UNNAMED) / file, photo)
            if path is None:
                return None
            with new_file(path) as draft:
                draft.write_bytes(photo)
            return self._append(_added_photo(self.folder, path))

    def take_corrections(self) -> int:
        """Move the photos that people named while they tried a model into the project.

        Returns:
            How many there were.
        """
        names = list(self.corrections())
        for path in names:
            self.add(path.read_bytes(), path.parent.name, path.name)
            path.unlink()
        return len(names)

    def corrections(self) -> Iterator[Path]:
        """Yield the photos that `take_corrections` would take."""
        return map(Path, photos_below(str(self.folder / CORRECTIONS)))

    def too_small(self) -> list[str]:
        """Return the classes with too few photos to train and measure."""
        return [name for name, count in self.classes().items() if count < FEWEST]

    def labelled(self) -> list[int]:
        """Return the ids of the photos that have a class."""
        return [i for i, label in enumerate(self.labels) if label]

    def dataset(self, at: Sequence[int]) -> Dataset:
        """Return labelled photos, given by their ids, as a data set.

        Raises:
            DataError: there are none.
        """
        names = sorted({str(self.labels[i]) for i in at}, key=natural_key)
        index = {name: k for k, name in enumerate(names)}
        labels = np.array([index[str(self.labels[i])] for i in at], dtype=np.int64)
        photos = [FilePhoto(self.photos[i].path) for i in at]
        classes = tuple(ClassName(name, name) for name in names)
        return Dataset(self.folder.absolute().name, photos, labels, classes)

    def _free(self, below: Path, photo: bytes) -> Path | None:
        """Return a path for a photo that no other has; None where it is there already."""
        place = self.folder / ADDED / below
        number = 1
        while place.exists():
            if place.stat().st_size == len(photo) and place.read_bytes() == photo:
                return None
            number += 1
            place = place.with_name(f"{below.stem}-{number}{below.suffix}")
        return place

    def _append(self, photo: Original) -> int:
        self._ids[photo.name] = len(self.photos)
        self.photos.append(photo)
        self.labels.append(photo.label)
        return len(self.photos) - 1

    def _replay(self) -> None:
        self.labels: list[str | None] = [photo.label for photo in self.photos]
        self.confirmed: set[int] = set()
        for edit in self._edits:
            self._apply(edit)

    def _apply(self, edit: Edit) -> None:
        if edit.kind == "rename":
            self.labels[:] = [edit.to if label == edit.of else label for label in self.labels]
            return
        at = [self._ids[name] for name in edit.photos if name in self._ids]
        if edit.kind == "confirm":
            self.confirmed.update(at)
            return
        for i in at:
            self.labels[i] = None if edit.kind == "remove" else edit.to


UNNAMED = "_"  # the folder of dropped photos without a class


def check_class_name(name: str) -> None:
    """Refuse what cannot name a class's folder on some system.

    Raises:
        DataError: it cannot.
    """
    from florascope.app.collection import LONGEST, is_folder_name

    if name == UNNAMED or name != " ".join(name.split()) or not is_folder_name(name):
        raise DataError(
            f"{name[:60]!r} cannot name a class",
            expected=f"a name of at most {LONGEST} letters, digits and spaces",
        )


def _check(edit: Edit, project: Project) -> None:
    unknown = [name for name in edit.photos if project.id_of(name) is None]
    if unknown:
        raise DataError(
            f"there is no photo {unknown[0]!r} in this project", expected="a photo of it"
        )
    if edit.kind == "rename" and edit.of not in project.classes():
        raise DataError(f"there is no class {edit.of!r} in this project", expected="a class of it")
    if edit.kind != "rename" and not edit.photos:
        raise DataError("an edit of no photos", expected="at least one photo")
    if edit.to or edit.kind == "rename":
        check_class_name(edit.to)


def _changes(before: Sequence[str | None], after: Sequence[str | None]) -> list[Change]:
    pairs = enumerate(zip(before, after, strict=True))
    return [(i, new) for i, (old, new) in pairs if old != new]


def _read(folder: Path) -> dict[str, Any]:
    """Return what project.json says; of a new project nothing.

    Raises:
        DataError: the folder holds something else, or a file that cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise DataError(
                f"{folder} holds other files and no project",
                expected="a new or empty folder for the project (`project`)",
            )
        return {"source": "", "edits": []}
    try:
        told = parse_json(path.read_bytes())
        assert told["schema"] == SCHEMA, f"schema {told['schema']!r}"
        edits = [
            Edit(**{**edit, "photos": tuple(edit.get("photos", ()))}) for edit in told["edits"]
        ]
        return {"source": str(told["source"]), "edits": edits}
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise DataError(
            f"{path} cannot be read ({error})",
            expected=f"a project of this version ({SCHEMA})",
            fix="Move it away: labels then are the folders' own again, and the photos stay",
        ) from error


def _linked(source: Path | None) -> Iterator[Original]:
    """Yield the photos of a folder of class folders, or of a list."""
    if source is None:
        return
    data = open_dataset(str(source))
    splits = list(data.own_splits.values())
    subsets = {int(i): s for s, at in splits[0].items() for i in at} if len(splits) == 1 else {}
    for i, photo in enumerate(data.photos):
        if not isinstance(photo, FilePhoto):
            raise DataError(
                f"{source} holds no files", expected="a folder of photos, or a list (.csv)"
            )
        label = data.classes[int(data.labels[i])].name
        yield Original(as_utf8(photo.name), photo.path, label, subsets.get(i, ""))


def _added(folder: Path) -> Iterator[Original]:
    for path in photos_below(str(folder / ADDED)):
        yield _added_photo(folder, Path(path))


def _added_photo(folder: Path, path: Path) -> Original:
    label = path.parent.name
    name = as_utf8(path.relative_to(folder).as_posix())
    return Original(name, path, UNSORTED if label == UNNAMED else label)
