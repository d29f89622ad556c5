"""What a server keeps out: packages with known holes, strange hosts and origins, slow requests."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from packaging.version import Version
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from florascope.app.problem import language_of, problem

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


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and under which name.

    Attributes:
        hosts: names under which the server may be called, against DNS rebinding, besides its
            addresses, which no name server can change; empty for any.
        origins: pages of other origins ("https://example.org") that may send photos here.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def objection(self, method: str, headers: Headers) -> tuple[HTTPStatus, str] | None:
        """Say what is wrong with a request, if anything is."""
        name = _name(headers.get("host", ""))
        if self.hosts and name not in self.hosts and not _is_address(name):
            told = (
                f"This server is not called {name!r}."
                " Whoever runs it can allow that name (allow-host)."
            )
            return HTTPStatus.MISDIRECTED_REQUEST, told
        if method not in {"GET", "HEAD"} and self._foreign(headers):
            cure = "Whoever runs it can allow one (allow-origin)."
            return HTTPStatus.FORBIDDEN, f"Pages of other sites may not send photos here. {cure}"
        return None

    def _foreign(self, headers: Headers) -> bool:
        """Whether a page of another origin asks.

        Browsers send Sec-Fetch-Site over HTTPS and to this machine alone; elsewhere Origin is
        compared with the name that was asked for, as the browser or a proxy before us gives it.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin in self.origins or site == "same-origin":
            return False
        if origin is None:
            return site == "cross-site"
        own = {headers.get("host"), headers.get("x-forwarded-host")}
        return site == "cross-site" or urlsplit(origin).netloc not in own


class RequestGuard:
    """Wraps an app.

    Args:
        app: what answers.
        seconds: that one request may take.
        access: who may ask.
        count: told the route (never what the client wrote) and status of each answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        seconds: float,
        access: Access,
        count: Callable[[str, int], None],
    ) -> None:
        self.app, self.seconds, self.access, self.count = app, seconds, access, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope, started = _plain(scope), False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *_missing(known)]
                self.count(getattr(scope.get("route"), "path", "other"), message["status"])
            await send(message)

        if reason := self.access.objection(scope["method"], Headers(scope=scope)):
            answer = problem(*reason, language_of(HTTPConnection(scope)))
            await answer(scope, receive, dressed)
            return
        try:
            async with asyncio.timeout(self.seconds):
                await self.app(scope, receive, dressed)
        except TimeoutError:
            if not started:
                detail = f"This took longer than {self.seconds:g} seconds. Send a smaller photo."
                language = language_of(HTTPConnection(scope))
                close = {"connection": "close"}
                answer = problem(HTTPStatus.REQUEST_TIMEOUT, detail, language, close)
                await answer(scope, receive, dressed)


def _plain(scope: Scope) -> Scope:
    """Ask for GET where only headers are wanted (no body is sent), without a slash at the end.

    A redirect to the path without it would not know which scheme and prefix a proxy has.
    """
    path = scope["path"].rstrip("/") or "/"
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return {**scope, "path": path, "raw_path": path.encode(), "method": method}


def _name(host: str) -> str:
    """Return the host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _missing(known: set[Any]) -> list[tuple[bytes, bytes]]:
    pairs = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
    return [(k, v) for k, v in pairs if k not in known]


SAFE: Mapping[str, str] = {
    "pillow": "13.0",
    "starlette": "1.3.1",
    "h11": "0.16",
    "python-multipart": "0.0.31",
}
"""The packages that touch a stranger's bytes first, and where their known holes end.

SECURITY.md names the holes; the extra `serve` of pyproject.toml asks for the same versions.
"""


@dataclass(frozen=True, slots=True)
class Outdated:
    """A package with known holes.

    Attributes:
        package: its name.
        found: the version that is installed.
        safe: the first version without them.
    """

    package: str
    found: str
    safe: str

    def __str__(self) -> str:
        return f"{self.package} {self.found}, safe from {self.safe} on"


def outdated(safe: Mapping[str, str] = SAFE) -> tuple[Outdated, ...]:
    """Return the installed packages that are older than they should be.

    Args:
        safe: first safe version by package; each must be installed.
    """
    installed = {package: version(package) for package in safe}
    return tuple(
        Outdated(package, found, safe[package])
        for package, found in installed.items()
        if Version(found) < Version(safe[package])
    )
