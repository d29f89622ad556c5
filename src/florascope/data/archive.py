"""A tar archive unpacked whole or not at all; its digest has been verified before."""

import gzip
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from florascope.data.download import locked
from florascope.errors import DownloadError
from florascope.files import draft_prefix, sweep
from florascope.progress import Progress, silent

MAX_BYTES = 8 * 2**30
MAX_MEMBERS = 200_000  # a file system's inodes end, too
DAMAGED = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(ValueError, FileExistsError, NotADirectoryError),  # names that cannot be, or cannot both be
    *(IndexError, OverflowError, IsADirectoryError),  # headers that tarfile does not expect
)
CHUNK = 2**20
HEADER = 512  # bytes of a member's header: counted, so that empty members cannot be endless


def unpack(
    archive: Path, target: Path, *, max_bytes: int = MAX_BYTES, progress: Progress = silent
) -> Path:
    """Unpack a gzipped tar archive that holds one folder, unless that folder is already there.

    Args:
        archive: the .tgz file.
        target: the folder to make; the archive's folder must have the same name.
        max_bytes: refuse an archive that unpacks to more.
        progress: told the bytes of the archive that are done and in all.

    Returns:
        The target, complete; on any error it is not there at all.

    Raises:
        DownloadError: the archive is damaged or too large, a member is no plain file or folder
            inside that one folder, or the disk is full or cannot be written.
    """
    try:
        with locked(target):
            if not target.is_dir():
                _unpack_whole(archive, target, max_bytes, progress)
    except DAMAGED as error:
        raise _refused(archive, f"is damaged ({error})") from error
    except OSError as error:
        raise DownloadError(
            f"{archive} cannot be unpacked ({error.strerror or error})",
            fix="Nothing was unpacked; free some space or choose another --data-dir",
        ) from error
    return target


def _unpack_whole(archive: Path, target: Path, max_bytes: int, progress: Progress) -> None:
    sweep(target.parent)
    with TemporaryDirectory(dir=target.parent, prefix=draft_prefix(target.name)) as temporary:
        draft = Path(temporary) / target.name
        _unpack(archive, draft, max_bytes, progress)
        if hasattr(os, "sync"):  # once for all: to fsync 8,000 files one by one takes half a minute
            os.sync()
        draft.replace(target)


def _unpack(archive: Path, draft: Path, max_bytes: int, progress: Progress) -> None:
    """Unpack below the draft's folder; Python's own filter keeps members inside it (PEP 706)."""
    size, unpacked = archive.stat().st_size, 0
    with (
        archive.open("rb") as file,
        gzip.GzipFile(fileobj=file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        for number, member in enumerate(members):
            unpacked += HEADER + member.size
            if number >= MAX_MEMBERS or unpacked > max_bytes:
                raise _refused(archive, f"unpacks to more than {max_bytes:,} bytes or many files")
            _check(archive, member, draft.name)
            members.extract(member, draft.parent, filter="data")
            progress(f"Unpacking {archive.name}", file.tell(), size)
        # tarfile takes a damaged header for the end: only gzip's own checksum tells.
        while stream.read(CHUNK):
            pass
    if not (draft.is_dir() and any(draft.iterdir())):
        raise _refused(archive, "holds nothing")


def _check(archive: Path, member: tarfile.TarInfo, root: str) -> None:
    """Refuse what an archive of one folder of photos does not hold."""
    parts = PurePosixPath(member.name).parts
    if "\\" in member.name or ":" in member.name or ".." in parts or parts[:1] != (root,):
        raise _refused(archive, f"holds {member.name!r}", f"only paths inside {root}/")
    if not (member.isreg() or member.isdir()):
        raise _refused(archive, f"holds {member.name!r}, a link or device", "files and folders")


def _refused(archive: Path, found: str, expected: str = "") -> DownloadError:
    return DownloadError(
        f"{archive} {found}",
        expected=expected,
        fix="Nothing was unpacked; delete the archive and fetch it again",
    )
