"""Files and folders written whole or not at all, and the cache."""

import errno
import os
import re
import stat
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
        import shutil  # brings compressors along, which reading needs as little as --help

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
    """Name this boot of this machine and its PID namespace; empty where they are unknown.

    Never kept: a process may go on in another namespace.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        namespace = Path("/proc/self/ns/pid").readlink()
    except (OSError, ValueError):  # not Linux, or no /proc
        return ""
    import hashlib  # not at the top: `florascope --help` writes no file

    state = f"{boot} {namespace} {os.uname().nodename}"
    return hashlib.blake2b(state.encode(), digest_size=8).hexdigest()


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder from other processes of this machine that would write the same one meanwhile.

    The claim is a file beside the folder, named as a draft of it: a killed writer's counts for
    nothing, and is swept. No lock is taken, which network disks may not keep: writers on other
    machines are not seen, nor any where writers are not known by name.

    Raises:
        FlorascopeError: another process claimed it before, or no claim can be written.
    """
    from florascope.parallel import is_first_process  # its threads are dear to start-up

    if not is_first_process():  # that one claims for all
        yield
        return
    folder = folder.resolve()
    place = _place_of_drafts(folder)
    with clear_errors(folder):
        _open(place)
        claim = place / f"{draft_prefix(folder.name)}{os.urandom(8).hex()}{CLAIM}"
        claim.touch(exist_ok=False)
    try:
        _check_first(claim, folder)
        yield
    finally:
        claim.unlink(missing_ok=True)


def _check_first(claim: Path, folder: Path) -> None:
    """Refuse a folder that another living process has claimed before, or in the same tick."""
    for other in claim.parent.glob(f".*{CLAIM}"):
        name = NAME.fullmatch(other.name)
        same = other.name.startswith(f".{folder.name[:SHOWN]}.draft-")
        process = int(name["process"]) if same and name and name["mark"] == _mark() else 0
        if process not in {0, os.getpid()} and _lives(process) and _made(other) <= _made(claim):
            raise FlorascopeError(
                f"process {process} is writing {folder} just now",
                expected="one writer at a time",
                fix=f"Wait until it has ended, or choose another folder. If that process is no"
                f" florascope, remove {other}",
            )


def _made(claim: Path) -> float:
    """When a claim was made, in ticks of some milliseconds; one that has gone was never made."""
    with suppress(FileNotFoundError):
        return claim.stat().st_mtime_ns
    return float("inf")


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CLAIM = "-claim"  # how a claim's name ends
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux's renameat2


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target, which replaces the target on success.

    Raises:
        FlorascopeError: the disk is full or the folder cannot be written; the target is untouched.
    """
    with clear_errors(path):
        _open(path.parent)
        # not by tempfile: its import takes longer than all else that is done here
        draft = path.parent / f"{draft_prefix(path.name)}{os.urandom(8).hex()}"
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
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
    """Yield a temporary folder, which replaces the target on success.

    It lies beside the target and takes its place in one step. Where the target is a disk of its
    own, or this process is in it, its files are exchanged one by one instead.

    Raises:
        FlorascopeError: the disk is full or the parent cannot be written; the target is untouched.
    """
    path = path.resolve() if path.is_symlink() or not path.name else path
    parent = _place_of_drafts(path)
    with clear_errors(path):
        _open(parent)
        import tempfile

        draft = Path(tempfile.mkdtemp(dir=parent, prefix=draft_prefix(path.name)))
        try:
            yield draft
            for file in filter(_is_own, draft.rglob("*")):
                file.chmod(0o644)
                _sync(file)
            draft.chmod(0o755)
            _sync_folder(draft)
            if parent == path:
                _replace_contents(draft, path)
            else:
                _replace_folder(draft, path)
            _sync_folder(parent)
        finally:
            import shutil

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
            f"{path} cannot be written ({error.strerror or error})", fix=_way_out(path, error)
        ) from error


def _way_out(path: Path, error: OSError) -> str:
    way = "Free some space or choose" if error.errno in FULL else "Choose"
    cached = path.absolute().is_relative_to(cache_dir().absolute())
    place = "another folder for the cache (FLORASCOPE_CACHE)" if cached else "another place"
    return f"{way} {place}; nothing was changed there"


def check_folder(path: Path) -> None:
    """Refuse, before any work is done, a folder in which nothing could be written.

    Args:
        path: a folder, or where one is to be made.

    Raises:
        FlorascopeError: it is a file, lies in one, or may not be written.
    """
    for place in (path, *path.parents):
        if place.is_file():
            raise FlorascopeError(f"{place} is a file", expected="a folder")
    nearest = next(place for place in (path, *path.absolute().parents) if place.is_dir())
    if not os.access(nearest, os.W_OK):
        raise FlorascopeError(f"{nearest} cannot be written", expected="another folder")


def check_file(path: Path) -> None:
    """Refuse, before any work is done, a file that could not be written or replaced.

    Raises:
        FlorascopeError: it is a folder, lies in a file, or its folder may not be written.
    """
    if path.is_dir():
        raise FlorascopeError(f"{path} is a folder", expected="the name of a file")
    check_folder(path.parent)


_NO_CHARACTER = re.compile("[\ud800-\udfff]")


def as_utf8(text: str) -> str:
    r"""Return text that UTF-8 can hold: the bytes of a file name that are none come as \xe9."""
    return _NO_CHARACTER.sub(lambda half: _escaped(ord(half[0])), text)


def _escaped(half: int) -> str:
    """Write a lone surrogate: of PEP 383 the byte that it stands for."""
    return f"\\x{half - 0xDC00:02x}" if 0xDC80 <= half <= 0xDCFF else f"\\u{half:04x}"


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, wholly or not at all; see `as_utf8`."""
    with new_file(path) as draft:
        draft.write_text(as_utf8(text), encoding="utf-8", newline="\n")  # the same bytes on Windows


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 (any JSON value)
    """Return JSON that UTF-8 can hold, also of file names that are no UTF-8; see `as_utf8`."""
    import json

    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return _NO_CHARACTER.sub(lambda half: "\\" + _escaped(ord(half[0])), text)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Write a JSON file, wholly or not at all."""
    write_text(path, json_text(value, indent=2) + "\n")


def reserve(path: Path) -> None:
    """Claim the disk space of a file just made, before it is written through a memory map.

    A map's write to a full disk kills the process (SIGBUS); this raises OSError instead.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS, nor on Windows
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # two letters: C:// is a drive


def is_address(text: str) -> bool:
    """Whether text that stands where a path should is an address (https://..., s3://...)."""
    return _ADDRESS.match(text) is not None


def check_path(text: str) -> None:
    """Refuse an address in a path's place, before it is mangled into one.

    Raises:
        FlorascopeError: it is one.
    """
    if is_address(text):
        raise FlorascopeError(
            f"{text} is a web address",
            expected="a file or folder on this machine",
            fix="Download it first, then give its path",
        )


def cache_dir() -> Path:
    """Return the folder for what can be made again: FLORASCOPE_CACHE, else the user's cache.

    Raises:
        FlorascopeError: none is named, and the user has no home.
    """
    if own := os.environ.get("FLORASCOPE_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "florascope"
    except RuntimeError as error:  # a container's user, say, whom nothing knows but its number
        raise FlorascopeError(
            "this user has no home folder, where the cache would be",
            expected="HOME or FLORASCOPE_CACHE to be set",
            fix="For example: export FLORASCOPE_CACHE=/tmp/florascope",
        ) from error


def _open(folder: Path) -> None:
    """Make a folder ready for drafts."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)


def _place_of_drafts(folder: Path) -> Path:
    """Return where a folder's drafts lie: beside it, or in it where it cannot be exchanged."""
    return folder if _must_stay(folder) else folder.parent


def _must_stay(path: Path) -> bool:
    """Whether a folder cannot give its place to another."""
    if not path.is_dir():
        return False
    here = path.resolve()
    used = here == Path.cwd() or here in Path.cwd().parents
    return used or os.path.ismount(path) or not os.access(path.parent, os.W_OK)


def _is_own(path: Path) -> bool:
    """Whether a file was written here, and is no second name of one that lies elsewhere."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _replace_contents(draft: Path, path: Path) -> None:
    """Let a draft's files take the place of a folder's; what is hidden there stays."""
    kept = {entry.name for entry in draft.iterdir()}
    gone = [e for e in path.iterdir() if e.name not in kept and not e.name.startswith(".")]
    for new in sorted(draft.iterdir()):
        if new.is_dir():
            _replace_folder(new, path / new.name)
        else:
            new.replace(path / new.name)
    for old in gone:
        import shutil

        shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()


def _replace_folder(draft: Path, path: Path) -> None:
    if not path.exists() and _moved(draft, path):
        return
    if path.is_dir() and _exchanged(draft, path):
        return
    import tempfile

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
    except OSError:  # its number differs between systems; Windows says EACCES
        if not path.is_dir():
            raise
        return False
    return True


def _exchanged(draft: Path, path: Path) -> bool:
    """Swap two folders in one step, where the system can: a kill finds the old one or the new."""
    import ctypes

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
    """Bring a file or folder to the disk; Windows does it only for who may write."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
