"""Files from the network: verified, resumable, wholly there or not at all."""

import hashlib
import os
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from florascope.errors import DownloadError
from florascope.files import new_folder
from florascope.progress import Progress, silent

CHUNK = 1 << 20
TIMEOUT = 30.0
MAX_EXTRACTED = 4 * 2**30
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to plain http."""

    def redirect_request(self, *reply: Any) -> Any:  # noqa: ANN401 (urllib's own signature)
        """Check the new address, the last of the arguments."""
        check_url(reply[-1])
        return super().redirect_request(*reply)


def check_url(url: str) -> None:
    """Refuse everything but https (and plain http to this very machine).

    Raises:
        DownloadError: the address is of another kind.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise DownloadError(f"{url} is not safe to download from", expected="an https address")


def download(url: str, target: Path, digest: str, progress: Progress = silent) -> None:
    """Download a file and verify it; an interrupted download goes on where it stopped.

    Args:
        url: an https address.
        target: the file; it appears only when its bytes are right.
        digest: "md5:..." or "sha256:...", in hex.
        progress: told in MiB.

    Raises:
        DownloadError: the address cannot be reached, or the bytes are not the published ones.
    """
    check_url(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _fetch(url, part, progress)
    except (OSError, urllib.error.URLError) as error:
        raise DownloadError(
            f"{url} could not be downloaded ({error})",
            fix=f"Try again (it goes on where it stopped), or put the file at {target} by hand",
        ) from error
    found = file_digest(part, digest.partition(":")[0])
    if found != digest:
        part.unlink()
        raise DownloadError(
            f"{url} gave bytes with {found}", expected=digest, fix="They were deleted; try again"
        )
    part.replace(target)


def file_digest(path: Path, algorithm: str) -> str:
    """Return "algorithm:hex" of a file's bytes."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _fetch(url: str, part: Path, progress: Progress) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 (checked)
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        reply = opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to fetch
            return
        raise
    with reply, part.open("ab" if reply.status == 206 else "wb") as file:
        have = file.tell()
        length = int(reply.headers.get("Content-Length") or 0)
        while chunk := reply.read(CHUNK):
            file.write(chunk)
            progress(f"Downloading {part.stem}", file.tell() >> 20, (have + length) >> 20)
        if length and file.tell() < have + length:
            raise ConnectionError(f"cut off after {file.tell():,} of {have + length:,} bytes")
        file.flush()
        os.fsync(file.fileno())


def extract(archive: Path, folder: Path) -> None:
    """Unpack a tar archive into a new folder, which appears only when complete.

    Raises:
        DownloadError: a member points outside, is a link or device, or all are too large.
    """
    try:
        with tarfile.open(archive) as tar, new_folder(folder) as draft:
            members = tar.getmembers()
            if sum(m.size for m in members) > MAX_EXTRACTED:
                raise DownloadError(f"{archive} unpacks to more than {MAX_EXTRACTED:,} bytes")
            for member in members:
                _check_member(member, archive)
            tar.extractall(draft, members, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise DownloadError(f"{archive} cannot be unpacked ({error})") from error


def _check_member(member: tarfile.TarInfo, archive: Path) -> None:
    path = Path(member.name)
    plain = member.isfile() or member.isdir()
    if path.is_absolute() or ".." in path.parts or not plain:
        raise DownloadError(
            f"{archive} holds {member.name!r}, which is refused",
            expected="plain files and folders inside the archive",
        )
