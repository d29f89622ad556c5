"""Which addresses a text names, and which of them are dead."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from docs.check_links import addresses, named, trouble


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See [x](https://keras.io/api/#fit).", ["https://keras.io/api/"]),
        ("(https://a.org/b_(c)), then", ["https://a.org/b_(c)"]),
        ('<a href="http://a.org/x">', ["http://a.org/x"]),
        ("http://127.0.0.1:8000, https://example.org/a, https://HOST:PORT", []),
    ],
)
def test_addresses_of_a_text(text: str, found: list[str]) -> None:
    assert list(addresses(text)) == found


def test_the_documentation_names_some() -> None:
    assert any(address.startswith("https://pytorch.org/") for address in named())


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that the path says."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as one:
        Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, ""), (403, ""), (404, "status 404"), (410, "status 410"), (503, "")],
)
def test_what_is_gone_is_told_from_what_refuses(server: str, status: int, told: str) -> None:
    assert trouble(f"{server}/{status}", 5) == told


def test_a_server_that_is_not_there() -> None:
    assert trouble("http://127.0.0.1:9/", 5).startswith("not reached (")
