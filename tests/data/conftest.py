"""A web server of the tests' own, which can misbehave on demand."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Site:
    """What the server at `url` gives, and what it was asked.

    Attributes:
        url: its address, ending in a slash.
        files: content by path.
        redirects: addresses by path.
        cuts: bytes after which an answer breaks off, once, by path.
        ranges: "honest", "ignored" (always the whole file) or "wrong" (from the start, with 206).
        lengths: whether answers say how long they are.
        asked: (path, Range header) of every request.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    ranges: str = "honest"
    lengths: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            path, wanted = self.path.lstrip("/"), self.headers["Range"]
            site.asked.append((path, wanted))
            if path in site.redirects:
                self.answer(302, {"Location": site.redirects[path]})
            elif path not in site.files:
                self.answer(404, {})
            else:
                self.give(path, wanted)

        def give(self, path: str, wanted: str | None) -> None:
            content = site.files[path]
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if start >= len(content) and site.ranges == "honest" and wanted:
                self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
                return
            first = start if site.ranges == "honest" else 0
            status = 206 if wanted and site.ranges != "ignored" else 200
            headers = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            if site.lengths:
                headers["Content-Length"] = str(len(content) - first)
            body = content[first:]
            self.answer(status, headers, body[: site.cuts.pop(path, len(body))])

        def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    return Handler


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server on a free port of this machine, reached without any proxy."""
    monkeypatch.setenv("no_proxy", "*")
    site = Site("")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(site)) as server:
        site.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield site
        server.shutdown()
        thread.join()
