"""A client on a bare socket: it costs little beside the server and can be as rude as it likes."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

BROKEN = 0  # the status of an answer that never came


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP; 0 where the connection ended before.
        headers: by lower-case name.
        body: its bytes.
        seconds: from the first byte sent to the last one received, connecting included.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


@dataclass
class Tally:
    """Replies of a phase."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    impatient: int = 0

    def add(self, reply: Reply) -> None:
        """Count a reply; answered photos are timed."""
        self.statuses[reply.status] += 1
        if reply.status == 200:
            self.seconds.append(reply.seconds)
        if reply.status == 429 and "retry-after" not in reply.headers:
            self.impatient += 1

    def of(self, first: int) -> int:
        """Count the replies whose status begins with that digit; 0 for those that never came."""
        return sum(n for status, n in self.statuses.items() if status // 100 == first)

    def milliseconds(self, share: float) -> float:
        """Return a quantile of the times of the answers."""
        ranked = sorted(self.seconds)
        return round(1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))], 1)


def get(path: str) -> bytes:
    """Write a request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes, kind: str = "image/jpeg", accept: str = "*/*") -> bytes:
    """Write a request with a body."""
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Accept: {accept}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


class Client:
    """Keeps one connection as long as the server does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Reply:
        """Send a request and read its answer."""
        start = time.perf_counter()
        try:
            status, headers, body = await self._exchange(request)
        except (OSError, EOFError, ValueError):
            status, headers, body = BROKEN, {}, b""
        if status == BROKEN or headers.get("connection") == "close":
            self.close()
        return Reply(status, headers, body, time.perf_counter() - start)

    def close(self) -> None:
        """Break the connection off, whatever is on its way."""
        if self._pair is not None:
            self._pair[1].transport.abort()
            self._pair = None

    async def _exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._pair is None:
            self._pair = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._pair
        writer.write(request)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(_pairs(lines))
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            yield name.lower(), value.strip()
