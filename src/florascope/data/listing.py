"""What lies in a folder: photos, folders, and what is left out, counted by ending."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from florascope.data.names import natural_key
from florascope.errors import DataError, FlorascopeError
from florascope.files import as_utf8
from florascope.images import SUFFIXES

LAYOUT = "a folder of class folders with photos in them (ROOT/rose/1.jpg), or train, val and test"
SYSTEM = frozenset(
    {
        *("__macosx", "icon\r"),  # macOS; the others' names begin with a dot
        *("$recycle.bin", "system volume information", "recycler"),  # Windows
        *("thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot"),  # NAS boxes
        *("lost+found", "__pycache__", "node_modules"),
    }
)
"""What systems and tools leave in folders, in lower case."""
RUN_PARTS = frozenset(
    {"metrics.json", "bundle", "checkpoint.safetensors", "tensorboard", "model.onnx"}
)
"""One of them, and no photo beside it, makes a folder one of a training run, or of its bundle."""
HIDDEN, RUNS, NO_ENDING = "hidden or of the system", "a run's folder", "without an ending"
LOOP = "a link to a folder that it lies in"
CLOSED = "a folder that cannot be read"
"""How `Listing.ignored` calls what has no ending to be called by."""
SHOWN = 8  # endings in a sentence


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder, in natural order.

    Attributes:
        path: the folder.
        folders: those in it.
        photos: the names of files that end as photos do.
        ignored: how many files and folders are left out, by ending (".txt").
        is_run: whether the folder holds a training run.
    """

    path: Path
    folders: tuple[Path, ...]
    photos: tuple[str, ...]
    ignored: Counter[str]
    is_run: bool

    def below(self, root: Path) -> Iterator[str]:
        """Name the photos by their paths below a folder."""
        folder = self.path.relative_to(root).as_posix()
        return (f"{folder}/{name}" for name in self.photos)

    def holds_runs_only(self) -> bool:
        """Whether there is nothing here, or below, but training runs."""
        below = map(list_folder, self.folders)
        return self.is_run or (
            not self.photos and bool(self.folders) and all(one.holds_runs_only() for one in below)
        )


def list_folder(path: Path) -> Listing:
    """List a folder.

    Raises:
        DataError: it is missing, no folder, or cannot be read.
    """
    try:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: natural_key(entry.name))
            below = {entry.name for entry in found if _is_folder(entry)}
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})", expected=LAYOUT) from error
    seen = [entry for entry in found if not is_system(entry.name)]
    folders = [path / entry.name for entry in seen if entry.name in below]
    loops = {folder for folder in folders if _leads_up(folder)}
    photos, ignored = _sorted_out(entry.name for entry in seen if entry.name not in below)
    if loops:
        ignored[LOOP] = len(loops)
    if len(seen) < len(found):
        ignored[HIDDEN] = len(found) - len(seen)
    is_run = not photos and any(entry.name in RUN_PARTS for entry in seen)
    kept = tuple(folder for folder in folders if folder not in loops)
    return Listing(path, kept, tuple(photos), ignored, is_run)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _leads_up(folder: Path) -> bool:
    """Whether a folder is a link to one that it lies in: what is below has no end."""
    if not folder.is_symlink():
        return False
    place = folder.parent.resolve()
    return folder.resolve() in {place, *place.parents}


def photos_below(folder: str, ignored: Counter[str] | None = None) -> Iterator[str]:
    """Yield the paths of a folder's photos, then those of its subfolders', in natural order.

    Folders are listed as they are reached: not all names of a large tree lie in memory.

    Args:
        folder: where to begin; links to folders are not followed.
        ignored: counts what is left out, as `Listing.ignored` does, and subfolders that cannot be
            read.

    Raises:
        DataError: the folder itself cannot be read.
    """
    counted = Counter[str]() if ignored is None else ignored

    def count_closed(error: OSError) -> None:
        if isinstance(error, FileNotFoundError):  # an empty list, as of a folder without photos
            return
        if error.filename == folder:
            found = f"{folder} cannot be read ({error.strerror})"
            raise DataError(found, expected="a folder of photos") from error
        counted[CLOSED] += 1

    for place, below, files in os.walk(folder, onerror=count_closed):
        kept = [name for name in (*below, *files) if not is_system(name)]
        counted[HIDDEN] += len(below) + len(files) - len(kept)
        below[:] = sorted((name for name in below if not is_system(name)), key=natural_key)
        photos, left_out = _sorted_out(name for name in files if not is_system(name))
        counted.update(left_out)
        for name in sorted(photos, key=natural_key):
            yield str(Path(place, name))


def check_apart(out: Path, photos: Iterable[str]) -> None:
    """Refuse to write results among photos: the next command would take them for some, or a class.

    Args:
        out: the results' folder.
        photos: files and folders.

    Raises:
        FlorascopeError: the results' folder is or lies in one of the photos'.
    """
    place = out.absolute().resolve()
    for folder in filter(Path.is_dir, map(Path, photos)):
        if folder.resolve() in {place, *place.parents}:
            raise FlorascopeError(
                f"{out} lies in {folder}, among the photos",
                expected="a folder apart from them: results would be taken for photos or a class",
                fix=f"Such as {place.name}{'-results' * (place == folder.resolve())} beside it",
            )


def is_system(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or what a system left behind."""
    return name.startswith(".") or name.casefold() in SYSTEM


def left_out(ignored: Counter[str]) -> str:
    """Say what was left out, most first: "20 .heic, 3 .txt"; "" for nothing."""
    told = [f"{count:,} {ending}" for ending, count in ignored.most_common() if count]
    more = f" and {len(told) - SHOWN} more endings" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


def _sorted_out(names: Iterator[str]) -> tuple[list[str], Counter[str]]:
    """Divide names into photos and, by ending, others."""
    photos: list[str] = []
    others: Counter[str] = Counter()
    for name in names:
        suffix = PurePath(name).suffix.lower()
        if suffix in SUFFIXES:
            photos.append(name)
        else:
            others[as_utf8(suffix) or NO_ENDING] += 1
    return photos, others
