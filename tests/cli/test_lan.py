"""Addresses on the local network, their QR code, and names under which a server may be called."""

import socket

import pytest
import segno

from florascope.cli.lan import lan_address, qr_code
from florascope.cli.serve import allowed, as_origin
from florascope.errors import FlorascopeError

URL = "http://192.168.1.20:8000"


def test_only_a_server_that_listens_everywhere_has_more_to_say() -> None:
    assert lan_address("127.0.0.1") is None
    found = lan_address("0.0.0.0")
    assert found is None or socket.inet_aton(found)


def test_the_code_is_the_addresss() -> None:
    """Half blocks read back, module by module, within the white border that scanners need."""
    halves = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}  # upper and lower, 1 is dark
    lines = [[halves[c] for c in line] for line in qr_code(URL).splitlines()]
    rows = [[half[k] for half in line] for line in lines for k in (0, 1)]
    border = 4
    matrix = segno.make(URL, micro=False).matrix
    inner = [row[border:-border] for row in rows[border : border + len(matrix)]]
    assert inner == [list(row) for row in matrix]


def test_names() -> None:
    own = socket.gethostname().lower()
    names = allowed("0.0.0.0", ("Flowers.Example",))
    assert {"localhost", "127.0.0.1", "::1", own, "flowers.example"} <= names
    assert "rebound.example" not in names
    assert allowed("0.0.0.0", ("*",)) == frozenset()


@pytest.mark.parametrize("text", ["example.org", "https://", "https://a.b/c", "file:///a"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(FlorascopeError, match=r"--allow-origin .* expected a scheme and a name"):
        as_origin(text)


def test_origins_are_written_as_browsers_send_them() -> None:
    assert as_origin("https://Example.org/") == "https://example.org"
    assert as_origin("http://localhost:3000") == "http://localhost:3000"
