"""What one server takes on."""

import os
from dataclasses import dataclass, field

from florascope.images import MAX_BYTES

MOST = 500  # connections


def _cores() -> int:
    return os.cpu_count() or 1


def _connections() -> int:
    """Half of the files that this process may have open, connections among them."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold whatever a client sends; the pixels of a photo are bounded by `images`.

    Attributes:
        max_bytes: of a photo, and of a request's body unless it holds several.
        several_bytes: of a body that holds several photos.
        held_bytes: of all bodies that are being received; one more byte gets status 429.
        seconds: from a request's first line to its answer, the upload included.
        header_seconds: until the headers of a request are complete.
        connections: that are open; one more takes the place of an idle one, or gets status 429.
        workers: photos that are answered at the same time.
        waiting: photos that wait for a worker; one more gets status 429.
    """

    max_bytes: int = MAX_BYTES // 4
    several_bytes: int = MAX_BYTES
    held_bytes: int = 256 * 2**20
    seconds: float = 30.0
    header_seconds: float = 10.0
    connections: int = field(default_factory=_connections)
    workers: int = field(default_factory=_cores)
    waiting: int = 16
