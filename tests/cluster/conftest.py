"""A small source, and an S3 server that can be made to fail."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from florascope.cluster import places, storage

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAFLORASCOPETEST",
    "AWS_SECRET_ACCESS_KEY": "nobody/may/read/this/key",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def paint(path: Path, seed: int) -> None:
    """Save a photo of smooth noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(coarse).resize((64, 48)).save(path, quality=90)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders of four photos, and one more that is cut short."""
    root = tmp_path_factory.mktemp("source") / "photos"
    for number in range(8):
        paint(root / ("rose" if number % 2 else "lily") / f"{number}.jpg", number)
    whole = (root / "rose" / "1.jpg").read_bytes()
    (root / "rose" / "bad.jpg").write_bytes(whole[: len(whole) // 2])
    return root


@dataclass
class S3:
    """A server that speaks S3's language, and a way to it for readers that fails as it is told.

    Attributes:
        direct: host and port of the server.
        faults: what the next GETs of an object meet, by the end of its key: "503", "cut" or "slow".
        gets: how often each object was asked for, by its path.
    """

    direct: str
    faults: dict[str, list[str]] = field(default_factory=dict)
    gets: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def put(self, key: str, data: bytes) -> None:
        """Store an object, past the faults."""
        connection = HTTPConnection(self.direct)
        connection.request("PUT", f"/{key}", body=data)
        assert connection.getresponse().status == 200
        connection.close()


def _handler(s3: S3) -> type[BaseHTTPRequestHandler]:
    class Way(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def _pass_on(self) -> None:
            path = self.path.partition("?")[0]
            s3.gets[path] += self.command == "GET"
            waiting = next((f for key, f in s3.faults.items() if path.endswith(key)), [])
            fault = waiting.pop(0) if waiting and self.command == "GET" else ""
            if fault == "503":
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if fault == "slow":
                time.sleep(0.5)
            there = HTTPConnection(s3.direct)
            there.request(self.command, self.path, headers=dict(self.headers))
            answer = there.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)
            self.close_connection = fault == "cut"
            there.close()

        do_GET = do_HEAD = _pass_on  # noqa: N815 (what http.server calls)

    return Way


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A server of S3's language in a process of its own: host and port."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    server = shutil.which("moto_server", path=beside)
    if server is None:
        pytest.skip("moto_server is not installed: pip install 'moto[server]'")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [server, "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 server with an empty bucket called museum, which this process's settings lead to."""
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{s3_server}"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage, "PAUSE", 0.01)
    monkeypatch.setattr(storage, "ATTEMPTS", 2)  # the SDK's own three take seconds each time
    places._file_system.cache_clear()
    connection = HTTPConnection(s3_server)
    connection.request("POST", "/moto-api/reset")
    connection.getresponse().read()
    connection.request("PUT", "/museum")
    assert connection.getresponse().status == 200
    connection.close()
    yield S3(s3_server)
    places._file_system.cache_clear()


@pytest.fixture
def failing(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The same, read by a way that meets `faults`."""
    way = ThreadingHTTPServer(("127.0.0.1", 0), _handler(s3))
    way.daemon_threads = True
    Thread(target=way.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{way.server_address[1]}")
    places._file_system.cache_clear()
    yield s3
    way.shutdown()
    way.server_close()
