"""A verified tar archive unpacked whole or not at all."""

import gzip
import io
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Self

from florascope.data.download import locked
from florascope.errors import DownloadError
from florascope.files import draft_prefix, sweep
from florascope.progress import Progress, silent

MAX_EXTENDED = 2**16  # bytes of a long name or of a member's further attributes
ENDED = 8  # reads at the end of a file after which a reader is going round in circles


class TarMember(tarfile.TarInfo):
    """A member whose headers are bounded.

    `tarfile` reads extended headers into memory however long they say they are, steps backwards
    where a size is negative (CVE-2025-8194), and looks for a sparse file's map beyond the archive's
    end, forever. An archive of photos has none of these.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> Self:
        """Bound what the header says before it is followed; called by tarfile for each header."""
        plain = self.isfile() or self.isdir()
        if self.size < 0 or self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(f"a member of type {self.type!r} and size {self.size}")
        if not plain and self.size > MAX_EXTENDED:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        member: Self = super()._proc_member(archive)  # type: ignore[misc]  # no public name
        return member

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError("a sparse file")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10


class BoundedReader(io.BufferedIOBase):
    """A stream that ends with an error instead of going on, or standing at its end, for ever.

    Args:
        stream: what is read from.
        most: bytes that may come.
    """

    def __init__(self, stream: io.BufferedIOBase, most: int) -> None:
        self._stream, self._left, self._ended = stream, most, 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on.

        Raises:
            tarfile.ReadError: more comes than may, or the end is read past again and again.
        """
        data = self._stream.read(size)
        self._left -= len(data)
        self._ended += not data
        if self._left < 0 or self._ended > ENDED:
            raise tarfile.ReadError("it never ends")
        return data


MAX_BYTES = 8 * 2**30
MAX_MEMBERS = 200_000  # a file system's inodes end, too
DAMAGED = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(ValueError, FileExistsError, NotADirectoryError),  # names that cannot be, or cannot both be
    *(IndexError, OverflowError, IsADirectoryError),  # headers that tarfile does not expect
)
CHUNK = 2**20
SLACK = 2**20
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
        draft.mkdir()
        _unpack(archive, draft, target.name, max_bytes, progress)
        if hasattr(os, "sync"):  # once for all: to fsync 8,000 files one by one takes half a minute
            os.sync()
        draft.replace(target)


def _unpack(archive: Path, draft: Path, root: str, max_bytes: int, progress: Progress) -> None:
    size, unpacked = archive.stat().st_size, 0
    with (
        archive.open("rb") as file,
        gzip.GzipFile(fileobj=file) as stream,
        tarfile.open(
            fileobj=BoundedReader(stream, 2 * max_bytes + SLACK), mode="r|", tarinfo=TarMember
        ) as members,
    ):
        for number, member in enumerate(members):
            if number >= MAX_MEMBERS or member.size < 0:
                raise _refused(archive, f"holds {number:,} members and more, or one of no size")
            unpacked += HEADER + member.size
            if unpacked > max_bytes:
                raise _refused(archive, f"unpacks to more than {max_bytes:,} bytes")
            _write(members, member, draft / _inside(archive, member, root))
            progress(f"Unpacking {archive.name}", file.tell(), size)
        # tarfile takes a damaged header for the end: only gzip's own checksum tells.
        while stream.read(CHUNK):
            pass
    if not any(draft.iterdir()):
        raise _refused(archive, "holds nothing")


def _inside(archive: Path, member: tarfile.TarInfo, root: str) -> PurePosixPath:
    """Return where a member goes, relative to the one folder all must lie in."""
    path = PurePosixPath(member.name)
    if "\\" in member.name or ":" in member.name or ".." in path.parts or path.parts[:1] != (root,):
        raise _refused(archive, f"holds {member.name!r}", f"only paths inside {root}/")
    if not (member.isfile() or member.isdir()):
        raise _refused(archive, f"holds {member.name!r}, a link or device", "files and folders")
    return path.relative_to(root)


def _write(members: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content: IO[bytes] | None = members.extractfile(member)
    assert content is not None, "a regular file has content"
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)


def _refused(archive: Path, found: str, expected: str = "") -> DownloadError:
    return DownloadError(
        f"{archive} {found}",
        expected=expected,
        fix="Nothing was unpacked; delete the archive and fetch it again",
    )
