"""`florascope serve` as a process of its own, around a small bundle."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from jobs import classifier

from florascope.calibration.calibration import Calibrated, Calibration
from florascope.nets.saving import save_bundle

LINES = 20  # of the server's log, its last ones
PATIENCE = 60  # seconds until it must answer, and until it must have ended


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    port: int
    process: int

    def kib(self) -> int:
        """Return its resident memory."""
        status = Path(f"/proc/{self.process}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s*(\d+) kB", status)[0])


def make_bundle(folder: Path) -> Path:
    """Save a network so small that the server around it is what is measured."""
    network = classifier()
    count = len(network.classes)
    figures = Calibration(50, 2.0, 0.2, 0.1, 0.9, (0.5,) * count, -1.0, 0.0)
    means = torch.nn.functional.normalize(torch.rand(count, network.head.in_features)).numpy()
    os.environ["FLORASCOPE_CACHE"] = str(folder / "cache")
    save_bundle(network, folder / "bundle", {}, "# Card", Calibrated(figures, means))
    return folder / "bundle"


@contextmanager
def serving(bundle: Path) -> Iterator[Served]:
    """Start a server on a free port; it ends with the block, however that ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "florascope", "serve", "--model", str(bundle)]
    command += ["--port", str(port)]
    log = bundle.parent / "log.txt"
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)  # noqa: S603
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server ends, too
    try:
        _wait(server, port)
        yield Served(port, server.pid)
        assert server.poll() is None, "the server has died"
    finally:
        _end(server)
        signal.signal(signal.SIGTERM, before)
        print(*log.read_text(encoding="utf-8").splitlines()[-LINES:], sep="\n", flush=True)


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the server does not start")


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        print("the server had to be killed", flush=True)
        server.kill()
        server.wait()
