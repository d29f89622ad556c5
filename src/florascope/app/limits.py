"""What one server takes on, and connections that keep to it."""

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

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


FULL = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class TimeoutProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, closed where a request's headers are not complete in time.

    Without it, a client that sends a byte now and then holds a connection for ever ("slow loris").
    Where there are too many connections, the new one takes the place of that which has asked for
    nothing the longest; uvicorn's own limit would answer 503 to whoever asks, and keep the idle.
    """

    limits = Limits()
    _deadline: asyncio.TimerHandle | None = None
    _asked = 0.0  # when the last request began, or else the connection

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 (uvicorn's own annotation)
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._asked = self.loop.time()
        self._wait()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait on where they complete no headers."""
        super().data_received(data)
        if self._answering:
            self._asked = self.loop.time()
            self._stop()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._stop()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        """Close the connection that has been idle the longest, or this one where all are busy."""
        others = (c for c in self.connections if isinstance(c, TimeoutProtocol) and c is not self)
        idle = (c for c in others if not (c._answering or c.transport.is_closing()))  # noqa: SLF001 (its own kind)
        longest = min(idle, key=lambda c: c._asked, default=None)  # noqa: SLF001
        if longest is None:
            self.transport.write(FULL)
        (longest or self).transport.close()

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.limits.header_seconds, self._cut)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        if not self._answering:
            self.transport.close()


def protocol_with_timeouts(limits: Limits) -> type[TimeoutProtocol]:
    """Return the protocol with limits of its own."""
    return type("LimitedProtocol", (TimeoutProtocol,), {"limits": limits})
