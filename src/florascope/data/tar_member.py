"""A tar archive's member, read warily: the standard library trusts headers more than it should."""

import io
import tarfile
from typing import Self

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
