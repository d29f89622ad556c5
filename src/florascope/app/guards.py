"""What every request passes first: host, origin and time; and the headers of every answer."""

import asyncio
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from florascope.app.problem import problem

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class RequestGuard:
    """Wraps an app.

    Args:
        app: what answers.
        seconds: that one request may take.
        hosts: names under which the server may be called, against DNS rebinding; empty for any.
        count: told the route (never what the client wrote) and status of each answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        seconds: float,
        hosts: Collection[str],
        count: Callable[[str, int], None],
    ) -> None:
        self.app, self.seconds, self.hosts, self.count = app, seconds, frozenset(hosts), count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *_missing(known)]
                self.count(getattr(scope.get("route"), "path", "other"), message["status"])
            await send(message)

        if reason := self._objection(scope):
            await problem(*reason)(scope, receive, dressed)
            return
        try:
            async with asyncio.timeout(self.seconds):
                await self.app(scope, receive, dressed)
        except TimeoutError:
            if not started:
                detail = f"This took longer than {self.seconds:g} seconds. Send a smaller photo."
                answer = problem(HTTPStatus.REQUEST_TIMEOUT, detail, {"connection": "close"})
                await answer(scope, receive, dressed)

    def _objection(self, scope: Scope) -> tuple[HTTPStatus, str] | None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        name = _name(headers.get("host", ""))
        if self.hosts and name not in self.hosts:
            told = f"This server is not called {name!r}. Use --allow-host to let it be."
            return HTTPStatus.MISDIRECTED_REQUEST, told
        foreign = headers.get("sec-fetch-site") == "cross-site"
        if foreign and scope["method"] not in {"GET", "HEAD"}:
            return HTTPStatus.FORBIDDEN, "Pages of other sites may not send photos here."
        return None


def _name(host: str) -> str:
    """Return the host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def _missing(known: set[Any]) -> list[tuple[bytes, bytes]]:
    pairs = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
    return [(k, v) for k, v in pairs if k not in known]
