"""Sixteen people at once: what `florascope serve` answers, beside the engine with nothing around.

    python benchmarks/load/run.py [--seconds 60] [--clients 16] [--model BUNDLE]

Needs FLORASCOPE_DATA with flowers-102/. A real `florascope serve` process is asked by --clients
threads of this one, each with photos of its own, each over one connection; a 429 is counted and
asked again after its Retry-After. Half of --seconds before and half after, bare.py runs the same
ONNX file on the same photos, decoded alike, in as many threads as the server has: the ratio is what
HTTP, JSON, maps and the clients themselves cost. Writes results.md.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from florascope.bundle.config import find_bundle

HERE = Path(__file__).parent
MODEL = "flowers102-mobilenetv2"
PATIENCE = 60.0  # seconds that one request may take


@dataclass
class Tally:
    """What the clients met.

    Attributes:
        answers: of each answered photo: seconds from the start, seconds it took with all retries.
        statuses: how often each came.
        size: bytes of the last answer.
        cpu: milliseconds of CPU that the server spent on a photo.
    """

    answers: list[tuple[float, float]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    size: int = 0
    cpu: float = 0.0


def main() -> None:
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--photos", type=int, default=800)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    folder = Path(os.environ["FLORASCOPE_DATA"]) / "flowers-102" / "jpg"
    files = sorted(folder.glob("*.jpg"))
    files = files[:: max(1, len(files) // options.photos)][: options.photos]
    bundle = find_bundle(options.model)
    before = bare(bundle, files, options.seconds / 2)
    with server(options.model) as (port, process):
        begun = spent(process)
        tally = load(port, [f.read_bytes() for f in files], options.clients, options.seconds)
        tally.cpu = (spent(process) - begun) / max(1, len(tally.answers))
        memory = resident(process)
    after = bare(bundle, files, options.seconds / 2)
    engine = (before["photos/s"] + after["photos/s"]) / 2
    write(options.out, options.clients, options.seconds, tally, (engine, before, after), memory)


def bare(bundle: Path, files: list[Path], seconds: float) -> dict[str, float]:
    """Run bare.py in a process of its own, as the server is one."""
    command = [sys.executable, str(HERE / "bare.py"), str(bundle), "--seconds", str(seconds)]
    command += [str(file) for file in files]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return dict(json.loads(ended.stdout))


@contextmanager
def server(model: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Start `florascope serve` as a user does, wait until it answers, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "florascope", "serve", "--port", str(port), "--model", model]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        wait(port)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait(port: int) -> None:
    """Return once the server answers."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start within a minute")


def load(port: int, photos: list[bytes], clients: int, seconds: float) -> Tally:
    """Let clients ask until the time is over; the photo in flight is still counted."""
    tally, lock, start = Tally(), threading.Lock(), time.perf_counter()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        turn = number
        while time.perf_counter() - start < seconds:
            begun = time.perf_counter()
            statuses, size = answered(connection, photos[turn % len(photos)])
            ended = time.perf_counter()
            turn += clients
            with lock:
                tally.statuses.update(statuses)
                if statuses[-1] == http.HTTPStatus.OK:
                    tally.answers.append((ended - start, ended - begun))
                    tally.size = size
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def answered(connection: http.client.HTTPConnection, photo: bytes) -> tuple[list[int], int]:
    """Ask until the answer is another than "come back later"; the statuses and its bytes."""
    statuses: list[int] = []
    while True:
        connection.request("POST", "/api/identify", photo, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        body = answer.read()
        statuses.append(answer.status)
        if answer.status != http.HTTPStatus.TOO_MANY_REQUESTS:
            return statuses, len(body)
        time.sleep(float(answer.headers["Retry-After"]))


def spent(process: "subprocess.Popen[bytes]") -> float:
    """Milliseconds of CPU time of the server so far, all its threads (Linux)."""
    text = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    user, system = map(int, text.split()[11:13])
    return 1000 * (user + system) / os.sysconf("SC_CLK_TCK")


def resident(process: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Memory of the server in MB, now and at its most (Linux)."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}


def write(
    out: Path,
    clients: int,
    seconds: float,
    tally: Tally,
    engine: tuple[float, dict[str, float], dict[str, float]],
    memory: dict[str, float],
) -> None:
    """Write results.md, and print the table."""
    rate = len(tally.answers) / max(ended for ended, _ in tally.answers)
    p50, p95, most = np.percentile([took for _, took in tally.answers], [50, 95, 100])
    mean, before, after = engine
    statuses = ", ".join(
        f"{count:,} x {status}" for status, count in sorted(tally.statuses.items())
    )
    rows = [
        (f"photos/s, {clients} clients", f"{rate:.1f}"),
        (
            "photos/s, bare engine",
            f"{mean:.1f} ({before['photos/s']:.1f} before, {after['photos/s']:.1f} after;"
            f" {before['threads']:.0f} threads)",
        ),
        ("ratio", f"{rate / mean:.2f}"),
        (
            "CPU a photo, server and bare",
            f"{tally.cpu:.1f} ms, {(before['cpu'] + after['cpu']) / 2:.1f} ms",
        ),
        ("latency p50, p95, most", f"{p50:.3f} s, {p95:.3f} s, {most:.3f} s"),
        ("statuses", statuses),
        (
            "failures of the server (5xx)",
            str(sum(n for s, n in tally.statuses.items() if s >= 500)),
        ),
        (
            "server's memory at the end, at its most",
            f"{memory['VmRSS']:.0f} MB, {memory['VmHWM']:.0f} MB",
        ),
        ("bytes of an answer", f"{tally.size:,}"),
    ]
    told = (
        f"`python benchmarks/load/run.py --seconds {seconds:g} --clients {clients}`,"
        f" {os.cpu_count()} cores, which the clients share with the server. The bare engine is the"
        " same ONNX file in plain ONNX Runtime on the same photos, decoded alike."
    )
    table = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    text = "\n".join([f"# {clients} clients at once", "", told, "", *table, ""])
    (out / "results.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
