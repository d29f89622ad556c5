"""What one server takes on."""

import os
from dataclasses import dataclass, field

from florascope.images import MAX_BYTES


def _cores() -> int:
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold whatever a client sends; the pixels of a photo are bounded by `images`.

    Attributes:
        max_bytes: of a request's body.
        held_bytes: of all bodies that are being received; one more byte gets status 429.
        seconds: from a request's first line to its answer, the upload included.
        header_seconds: until the headers of a request are complete.
        workers: photos that are answered at the same time.
        waiting: photos that wait for a worker; one more gets status 429.
    """

    max_bytes: int = MAX_BYTES // 4
    held_bytes: int = 256 * 2**20
    seconds: float = 30.0
    header_seconds: float = 10.0
    workers: int = field(default_factory=_cores)
    waiting: int = 16
