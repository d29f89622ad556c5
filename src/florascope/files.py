"""Files and folders written whole or not at all, and the cache."""

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from florascope.errors import FlorascopeError

SHOWN = 40  # characters of the target's name: the whole may be as long as a name can be
NAME = re.compile(r"\..*\.draft-(?P<mark>[0-9a-f]{16})-(?P<process>[0-9]+)-[^.]+", re.DOTALL)


def draft_prefix(name: str) -> str:
    """Return how the name of a draft for a target of that name begins."""
    mark = _mark()
    return f".{name[:SHOWN]}.draft-" + (f"{mark}-{os.getpid()}-" if mark else "")


def sweep(folder: Path) -> None:
    """Remove the drafts of dead writers in a folder; once in a process, for folders may be large.

    It fails silently: what cannot be listed or removed is left.
    """
    _sweep(folder.absolute(), os.getpid())


@cache
def _sweep(folder: Path, process: int) -> None:  # noqa: ARG001 (a forked process sweeps anew)
    mark = _mark()
    if not mark:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = NAME.fullmatch(entry.name)
            if name and name["mark"] == mark and not _lives(int(name["process"])):
                _remove(entry)


def _remove(entry: "os.DirEntry[str]") -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        with suppress(OSError):  # another writer swept it
            Path(entry.path).unlink()


def _lives(process: int) -> bool:
    """Whether there is such a process; one that took over a dead writer's number counts."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True


def _mark() -> str:
    """Name this boot of this machine and the room of process numbers; empty where it is unknown.

    Never kept: a process may go on in another room.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        room = Path("/proc/self/ns/pid").readlink()
    except (OSError, ValueError):  # not Linux, or no /proc
        return ""
    state = f"{boot} {room} {os.uname().nodename}"
    return hashlib.blake2b(state.encode(), digest_size=8).hexdigest()


AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux's renameat2


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target, which replaces the target on success.

    Raises:
        FlorascopeError: the disk is full or the folder cannot be written; the target is untouched.
    """
    with clear_errors(path):
        _open(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=draft_prefix(path.name))
        os.close(descriptor)
        draft = Path(name)
        try:
            yield draft
            _sync(draft)
            draft.chmod(0o644)
            draft.replace(path)
            _sync_folder(path.parent)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside the target, which replaces the target on success.

    Raises:
        FlorascopeError: the disk is full or the parent cannot be written; the target is untouched.
    """
    with clear_errors(path):
        _open(path.parent)
        draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=draft_prefix(path.name)))
        try:
            yield draft
            for file in draft.rglob("*"):
                if file.is_file():
                    file.chmod(0o644)
                    _sync(file)
            draft.chmod(0o755)
            _sync_folder(draft)
            _replace_folder(draft, path)
            _sync_folder(path.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Say of a failed write what to do.

    Raises:
        FlorascopeError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise FlorascopeError(
            f"{path} cannot be written ({error.strerror or error})",
            fix="Free some space or choose another place (--out; FLORASCOPE_CACHE for the cache);"
            " nothing was changed there",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, wholly or not at all."""
    with new_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Write a JSON file, wholly or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def reserve(path: Path) -> None:
    """Claim the disk space of a file just made, before it is written through a memory map.

    A map's write to a full disk kills the process (SIGBUS); this raises OSError instead.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS, nor on Windows
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def cache_dir() -> Path:
    """Return the folder for what can be made again: FLORASCOPE_CACHE, else the user's cache."""
    if own := os.environ.get("FLORASCOPE_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "florascope"


def _open(folder: Path) -> None:
    """Make a folder ready for drafts."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)


def _replace_folder(draft: Path, path: Path) -> None:
    if not path.exists() and _moved(draft, path):
        return
    if path.is_dir() and _exchanged(draft, path):
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.old.") as parking:
        old = path.replace(Path(parking) / path.name)
        try:
            draft.replace(path)
        except BaseException:  # also Ctrl-C: never leave the place empty
            old.replace(path)
            raise


def _moved(draft: Path, path: Path) -> bool:
    """Move in where nothing is; False where another process was faster."""
    try:
        draft.replace(path)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


def _exchanged(draft: Path, path: Path) -> bool:
    """Swap two folders in one step, where the system can: a kill finds the old one or the new."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # not Linux
        return False
    names = os.fsencode(draft.absolute()), os.fsencode(path.absolute())
    return bool(rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)


def _sync_folder(path: Path) -> None:
    """Bring a folder's names to the disk, so that a rename outlives a power cut."""
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
