"""What is being written beside its target, and the end of what killed writers left there.

A draft's name tells who writes it: a mark of the machine as booted, with its container, and the
process. So it is known from its first instant on, without a lock that a network disk may not keep.
Where the mark is another one, the writer may live, and its draft is left alone.
"""

import hashlib
import os
import re
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path

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
