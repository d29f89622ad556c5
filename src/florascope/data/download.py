"""Downloads: verified, resumed, one process at a time; archives unpacked whole or not at all."""

import gzip
import hashlib
import ipaddress
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock

from florascope.errors import DownloadError
from florascope.files import draft_prefix, sweep
from florascope.progress import Progress, silent


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file of a target, waiting for whoever holds it (torchrun's other ranks, say).

    Args:
        path: the target; its lock is a file beside it whose name begins with a dot.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    with FileLock(lock):
        yield
        # Only when the work is done: whoever waits for this file looks at the target next.
        with suppress(PermissionError):  # Windows removes no open file; FileLock does it later
            lock.unlink(missing_ok=True)


TIMEOUT = 30.0  # seconds without an answer or a byte
CHUNK = 2**18
MAX_BYTES = 8 * 2**30  # a server that never ends fills the disk


@dataclass(frozen=True, slots=True)
class Checksum:
    """The published digest of a file.

    Attributes:
        algorithm: "sha256", or "md5" where the source publishes nothing better.
        digest: in lower-case hex.
    """

    algorithm: str
    digest: str

    def of(self, path: Path) -> str:
        """Compute the digest that the file really has."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, self.algorithm).hexdigest()

    def fits(self, path: Path) -> bool:
        """Whether the file is there and has the published bytes."""
        return path.is_file() and self.of(path) == self.digest


def download(
    url: str,
    target: Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Download a file whose digest is known, unless it is already there.

    The bytes go to TARGET.part, which a later call goes on from, and become the target only when
    their digest is the published one. Other processes that want the same file wait for it.

    Args:
        url: https://, or http:// on this machine.
        target: where the file shall be.
        md5: its MD5, or
        sha256: its SHA-256.
        progress: told the bytes done and in all.

    Returns:
        The target.

    Raises:
        DownloadError: the address is not secure, the server does not answer or breaks off, or
            the bytes are others than the published ones or too many.
        ValueError: not exactly one digest is given.
    """
    checksums = [Checksum(n, d) for n, d in (("md5", md5), ("sha256", sha256)) if d is not None]
    if len(checksums) != 1:
        raise ValueError("give md5 or sha256")
    job = _Download(url, target, checksums[0], progress)
    if not _secure(url):
        raise job.failed(f"{url} is not a secure address", "https://")
    try:
        with locked(target):
            job.run()
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to no address
        raise job.failed(f"{url} could not be downloaded ({_reason(error)})") from error
    return target


@dataclass(frozen=True, slots=True)
class _Download:
    url: str
    target: Path
    checksum: Checksum
    progress: Progress

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    def run(self) -> None:
        if self.checksum.fits(self.target):
            return
        if not self.checksum.fits(self.part):  # all of it may have come just before a crash
            self.receive()
        found = self.checksum.of(self.part)
        if found != self.checksum.digest:
            self.part.unlink()
            raise self.failed(
                f"{self.url} has {self.checksum.algorithm.upper()} {found}",
                f"{self.checksum.digest}, the published file; what came was deleted",
            )
        self.part.replace(self.target)

    def receive(self) -> None:
        """Bring the part up to the whole file."""
        have = self.part.stat().st_size if self.part.exists() else 0
        with self.open(have) as response:
            done = have if response.status == 206 else 0
            total = done + _length(response)
            self.check_size(max(done, total))
            with self.part.open("ab" if done else "wb") as file:
                while chunk := response.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    self.check_size(done)
                    self.progress(f"Downloading {self.target.name}", done, max(done, total))
                file.flush()
                os.fsync(file.fileno())
        if done < total:
            raise self.failed(f"{self.url} broke off after {done:,} bytes", f"{total:,}")

    def check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            self.part.unlink(missing_ok=True)
            raise self.failed(
                f"{self.url} sends {size:,} bytes", f"at most {MAX_BYTES:,}; what came was deleted"
            )

    def open(self, have: int) -> HTTPResponse:
        """Ask for the bytes after the first `have`, or for all where the server cannot."""
        headers = {"User-Agent": f"florascope/{version('florascope')}"}
        if have:
            headers["Range"] = f"bytes={have}-"
        request = Request(self.url, headers=headers)  # noqa: S310 (the scheme was checked)
        try:
            response: HTTPResponse = build_opener(_SecureRedirects).open(request, timeout=TIMEOUT)
        except HTTPError as error:
            error.close()
            if have and error.code == 416:  # the part is longer than the file
                return self.open(0)
            raise
        if have and response.status == 206 and not _starts_at(response, have):
            response.close()
            return self.open(0)
        return response

    def failed(self, found: str, expected: str = "") -> DownloadError:
        return DownloadError(
            found,
            expected=expected,
            fix="Run the command again (it goes on where it stopped), or fetch the file by other"
            f" means and put it at {self.target}",
        )


class _SecureRedirects(HTTPRedirectHandler):
    """Follows redirects, but never to an address that can be eavesdropped on or is no web page."""

    def redirect_request(
        self,
        req: Request,
        fp: Any,  # noqa: ANN401 (what urllib passes is no IO[bytes])
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        plain = urlsplit(newurl).scheme != "https"
        if plain and not (_secure(newurl) and urlsplit(req.full_url).scheme == "http"):
            fp.close()
            raise HTTPError(req.full_url, code, f"redirects to {newurl}", headers, None)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _secure(url: str) -> bool:
    """Whether a URL is HTTPS, or HTTP that does not leave this machine."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname:
        with suppress(ValueError):
            return ipaddress.ip_address(parts.hostname).is_loopback
        return parts.hostname == "localhost"
    return parts.scheme == "https"


def _starts_at(response: HTTPResponse, have: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _length(response: HTTPResponse) -> int:
    """Return how many bytes the answer says it has; 0 where it says nothing that is a number."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"status {error.code}: {error.reason}"
    return str(getattr(error, "reason", error)) or type(error).__name__


MAX_UNPACKED = 8 * 2**30
MAX_MEMBERS = 200_000  # a file system's inodes end, too
DAMAGED = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(ValueError, FileExistsError, NotADirectoryError),  # names that cannot be, or cannot both be
    *(IndexError, OverflowError, IsADirectoryError),  # headers that tarfile does not expect
)
TAR_CHUNK = 2**20
HEADER = 512  # bytes of a member's header: counted, so that empty members cannot be endless


def unpack(
    archive: Path, target: Path, *, max_bytes: int = MAX_UNPACKED, progress: Progress = silent
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
            fix="Nothing was unpacked; free some space or choose another `data_dir`",
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
        while stream.read(TAR_CHUNK):
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
