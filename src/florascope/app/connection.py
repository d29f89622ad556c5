"""Connections that must send their headers in time, and no more of them than a server can hold."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from florascope.app.limits import Limits

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
    return type("Punctual", (TimeoutProtocol,), {"limits": limits})
