"""Clients that dawdle, break off or talk nonsense, on bare sockets."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from florascope.app.limits import Limits
from florascope.runtime.identifier import Identifier

from .conftest import Serve

HEAD = b"POST /api/identify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"


@pytest.fixture
def impatient(identifier: Identifier, serve: Serve) -> str:
    return serve(identifier, Limits(header_seconds=0.4, seconds=0.4))


def connect(server: str) -> socket.socket:
    place = urlsplit(server)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=10)


def rest(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    found = b""
    while part := client.recv(65536):
        found += part
    return found


def test_headers_that_never_end(impatient: str) -> None:
    with connect(impatient) as client:
        start = time.monotonic()
        client.sendall(HEAD)
        assert rest(client) == b""
        assert time.monotonic() - start < 5


def trickle(client: socket.socket, seconds: float) -> None:
    """Send a byte now and then, until the server has closed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        client.sendall(b"x")
        time.sleep(0.05)


def test_a_byte_now_and_then_does_not_help(impatient: str) -> None:
    with connect(impatient) as client, pytest.raises((BrokenPipeError, ConnectionResetError)):
        trickle(client, 10)


def test_the_second_request_of_a_connection_may_not_dawdle_either(impatient: str) -> None:
    with connect(impatient) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += client.recv(65536)
        client.sendall(HEAD)
        assert rest(client) == b""


def test_a_body_that_never_comes(impatient: str) -> None:
    with connect(impatient) as client:
        client.sendall(HEAD + b"\r\nabc")
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"longer than 0.4 seconds" in answer


def test_uploads_that_break_off_leave_nothing_behind(server: str, photo: bytes) -> None:
    for _ in range(20):
        with connect(server) as client:
            client.sendall(HEAD + b"\r\nabc")
    answer = httpx.post(f"{server}/api/identify", content=photo, timeout=60)
    assert answer.status_code == 200
    assert "florascope_inside 0.0" in httpx.get(f"{server}/metrics").text


def test_nonsense_is_refused(server: str) -> None:
    with connect(server) as client:
        client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert rest(client).startswith(b"HTTP/1.1 400")
