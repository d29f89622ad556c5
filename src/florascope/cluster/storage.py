"""Bytes from this machine, object storage and the web: whole or not at all, and without secrets."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from florascope.cluster.places import PATIENCE, WEB, check_place, locate, redact, scheme_of
from florascope.errors import DataError, FlorascopeError, PhotoError
from florascope.files import is_address, new_file
from florascope.images import MAX_BYTES, read_bytes

ATTEMPTS = 4
PAUSE = 0.2  # seconds before the second attempt; then twice as long each time
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # of HTTP: worth asking again

_REFUSED = re.compile("ACCESS_DENIED|INVALID_|SIGNATURE|UNRECOGNIZED_CLIENT|EXPIRED|NO_SUCH_BUCKET")
"""In AWS's errors: what no further attempt will mend."""


class UnreachableError(PhotoError):
    """A photo that may well be sound, but whose storage did not hand it over."""


def read_whole(place: str, offset: int = 0, size: int = -1) -> bytes:
    """Read a photo's file, or a part of a file, stopping just past MAX_BYTES.

    What fails for a reason that may pass (a server error, a timeout, fewer bytes than promised) is
    tried again, `ATTEMPTS` times in all.

    Args:
        place: a path or an address.
        offset: where a part begins.
        size: bytes of the part; -1 for the whole file.

    Raises:
        UnreachableError: the storage failed every time.
        PhotoError: there is no such file, or it may not be read.
    """
    if not is_address(place) and size < 0:
        return read_bytes(Path(place))
    pause = PAUSE
    for _ in range(ATTEMPTS - 1):
        try:
            return _read(place, offset, size)
        except UnreachableError:
            time.sleep(pause)
            pause *= 2
    return _read(place, offset, size)


def _read(place: str, offset: int, size: int) -> bytes:
    """Read once.

    Raises:
        UnreachableError: for a reason that may pass.
        PhotoError: for one that stays.
    """
    try:
        check_place(place)
        data, promised = _from_web(place) if scheme_of(place) in WEB else _part(place, offset, size)
    except DataError as error:  # of one address among many
        raise PhotoError(error.found, expected=error.expected, fix=error.fix) from None
    except HTTPError as error:
        kind = UnreachableError if error.code in TRANSIENT else PhotoError
        raise kind(f"{redact(place)} cannot be read (HTTP {error.code})") from None
    except FileNotFoundError:
        raise PhotoError(f"{redact(place)} does not exist", expected="a photo file") from None
    except (OSError, HTTPException, ValueError) as error:  # URLError is an OSError
        reason = redact(str(getattr(error, "reason", error)))
        kind = PhotoError if _REFUSED.search(reason) else UnreachableError
        raise kind(f"{redact(place)} cannot be read ({reason})") from None
    if len(data) < promised:
        found = f"{redact(place)} gave {len(data):,} of {promised:,} bytes"
        raise UnreachableError(found, expected="all of them")
    return data


def _part(place: str, offset: int, size: int) -> tuple[bytes, int]:
    """Return bytes of a file, and how many they have to be."""
    system, path = locate(place)
    with system.open_input_file(path) as file:
        left = file.size() - offset
        promised = min(left if size < 0 else size, MAX_BYTES + 1)
        file.seek(offset)
        return file.read(promised), promised


def _from_web(address: str) -> tuple[bytes, int]:
    asked = Request(quote(address, safe=":/?#[]@!$&'()*+,;=%"), headers={"Accept": "image/*,*/*"})  # noqa: S310 (of scheme http)
    with urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310 (likewise)
        promised = min(int(answer.headers.get("Content-Length") or 0), MAX_BYTES + 1)
        return answer.read(MAX_BYTES + 1), promised


class Store:
    """A folder of results, here or in object storage, whose files appear whole or not at all.

    Args:
        place: a path, or an address such as s3://bucket/folder.

    Raises:
        DataError: it is on the web, or the address carries credentials.
    """

    def __init__(self, place: str) -> None:
        if scheme_of(place) in WEB:
            raise DataError(f"{redact(place)} cannot be written", expected="a folder, or s3://...")
        absolute = place if is_address(place) else str(Path(place).expanduser().absolute())
        self.place = absolute.rstrip("/") or "/"
        self._system, self._path = locate(self.place)

    def names(self, folder: str = "") -> set[str]:
        """Return the names of the files in this folder, or one below it; none where it is missing.

        Drafts of files are hidden.
        """
        from pyarrow import fs

        selector = fs.FileSelector(self._at(folder), allow_not_found=True)
        found = (info.base_name for info in self._system.get_file_info(selector) if info.is_file)
        return {name for name in found if not name.startswith(".")}

    def open(self, name: str) -> Any:  # noqa: ANN401 (pyarrow has no types)
        """Open a file for reading, with `read`, `seek` and `close`.

        Raises:
            OSError: there is none.
        """
        return self._system.open_input_file(self._at(name))

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        try:
            with self.open(name) as file:
                data: bytes = file.read()
        except FileNotFoundError:
            return None
        return data

    def write(self, name: str, data: Any) -> None:  # noqa: ANN401 (bytes, or a buffer)
        """Write a file, wholly or not at all.

        Raises:
            FlorascopeError: it cannot be written.
        """
        with self.create(name) as file:
            file.write(data)

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file to write to, which appears under its name at the end.

        Raises:
            FlorascopeError: it cannot be written.
        """
        if scheme_of(self.place):
            try:
                file = self._system.open_output_stream(self._at(name))
                yield file
                file.close()  # an upload that is not closed never shows
            except OSError as error:
                raise FlorascopeError(
                    f"{redact(self.place)}/{name} cannot be written ({redact(str(error))})",
                    expected="a bucket that may be written to",
                    fix="Mend that, and run the same command again: it goes on where it stopped",
                ) from error
            return
        with new_file(Path(self._at(name))) as draft, draft.open("wb") as plain:
            yield plain

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there, or that may not be removed, is of no account."""
        with suppress(OSError):
            self._system.delete_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}" if name else self._path
