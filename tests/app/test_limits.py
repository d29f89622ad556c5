"""Clients that dawdle, break off or talk nonsense, on bare sockets."""

import resource
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier

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


def closed(client: socket.socket) -> bool:
    """Whether the server has closed it; what is open has nothing to read."""
    client.settimeout(0.3)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False


def test_a_new_connection_takes_the_place_of_the_longest_idle(
    identifier: Identifier, photo: bytes, serve: Serve
) -> None:
    """Also of one that sends a byte now and then, but not of one whose photo is on its way."""
    server = serve(identifier, Limits(connections=4))
    with connect(server) as sending, connect(server) as idle, connect(server) as another:
        sending.sendall(HEAD + b"\r\nabc")
        idle.sendall(HEAD)
        time.sleep(0.1)  # all are known to the server
        another.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert another.recv(9) == b"HTTP/1.1 "
        idle.sendall(b"x")
        with connect(server):
            answer = httpx.post(f"{server}/api/identify", content=photo, timeout=60)
        assert answer.status_code == 200
        assert [closed(one) for one in (sending, idle)] == [False, True]


def test_where_all_connections_are_busy_one_more_is_told_when_to_come_back(
    identifier: Identifier, serve: Serve
) -> None:
    server = serve(identifier, Limits(connections=2))
    with connect(server) as first, connect(server) as second:
        for client in (first, second):
            client.sendall(HEAD + b"\r\nabc")
        time.sleep(0.3)
        with connect(server) as third:
            answer = rest(third)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert httpx.get(f"{server}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("files", "most"), [(256, 128), (1024, 500), (2**20, 500), (resource.RLIM_INFINITY, 500)]
)
def test_connections_leave_files_for_the_rest(
    files: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert Limits().connections == most


def test_hundreds_of_connections_are_no_failure(server: str, photo: bytes) -> None:
    """uvicorn's own limit answered 503 to everybody from the 144th on."""
    clients = [connect(server) for _ in range(200)]
    try:
        answer = httpx.post(f"{server}/api/identify", content=photo, timeout=60)
    finally:
        for client in clients:
            client.close()
    assert answer.status_code == 200


def test_nonsense_is_refused(server: str) -> None:
    with connect(server) as client:
        client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert rest(client).startswith(b"HTTP/1.1 400")
