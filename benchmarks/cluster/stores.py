"""Azure's and Google's storage behind a bad line: the same answers, whatever is killed or fails.

    npm install azurite; pip install gcp-storage-emulator      # each in a place of its own
    python benchmarks/cluster/stores.py --azure node_modules/.bin/azurite-blob \
        --google gcp-storage-emulator

Emulators, not the clouds themselves. Photos lie in class folders of a bucket, and results go there
as well. Every request passes a proxy that answers every twelfth reading with 503 and cuts every
seventeenth short. `identify` is killed three times and goes on with --as-listed; `embed` and
`data inspect` run through. Their tables must be those of a folder on this machine, but for the
photos' addresses; the secret of the account must stand in no object, message or error. Rows go to
results/stores.csv.
"""

import argparse
import csv
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil
import pyarrow as pa
from PIL import Image
from pyarrow import fs, parquet

from florascope.cluster.places import locate
from florascope.garden import garden

RESULTS = Path(__file__).parent / "results" / "stores.csv"
PHOTOS, SHARD, KILLS = 90, 6, 3
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of Azurite's own account devstoreaccount1, as its README tells everybody."""
FAILED, CUT = 12, 17


class Server(NamedTuple):
    """One kind of storage.

    Attributes:
        bucket: its address.
        command: what starts its emulator at a port.
        environment: what leads a client to an endpoint.
    """

    bucket: str
    command: list[str]
    environment: dict[str, str]


def main() -> None:
    """Try the kinds whose emulators are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--azure", help="azurite-blob")
    parser.add_argument("--google", help="gcp-storage-emulator")
    asked = parser.parse_args()
    rows = []
    for kind, program in (("azure", asked.azure), ("google", asked.google)):
        if program:
            with tempfile.TemporaryDirectory() as folder:
                rows.append({"storage": kind, **tried(kind, program, Path(folder))})
                print(rows[-1], flush=True)
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["date", *rows[0]])
        writer.writeheader()
        writer.writerows({"date": f"{datetime.now(UTC):%Y-%m-%d}", **row} for row in rows)


def tried(kind: str, program: str, folder: Path) -> dict[str, object]:
    """Run the three commands from storage to storage, and compare."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = _server(kind, program, port, folder)
    process = psutil.Popen(server.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        line = BadLine(port)
        threading.Thread(target=line.serve_forever, args=(0.01,), daemon=True).start()
        os.environ |= _leading(server, line.server_address[1])
        _draw(folder / "photos")
        system, root = locate(server.bucket)
        system.create_dir(root)
        fs.copy_files(str(folder / "photos"), f"{root}/photos", destination_filesystem=system)
        line.bad = True
        return _compared(server, folder, line)
    finally:
        process.kill()
        process.wait()


def _server(kind: str, program: str, port: int, folder: Path) -> Server:
    if kind == "azure":
        own = ["--silent", "--location", str(folder / "azure"), "--blobPort", str(port)]
        account = {"AZURE_STORAGE_ACCOUNT": "devstoreaccount1", "AZURE_STORAGE_KEY": KEY}
        endpoint = {"AZURE_STORAGE_SERVICE_ENDPOINT": "http://127.0.0.1:"}
        return Server("abfs://museum", [program, *own, "--skipApiVersionCheck"], account | endpoint)
    own = ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
    return Server(
        "gs://museum",
        [program, *own, "--default-bucket=museum"],
        {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:"},
    )


def _leading(server: Server, port: int) -> dict[str, str]:
    """Lead clients to the proxy."""
    return {
        name: f"{value}{port}" if value.startswith("http") else value
        for name, value in server.environment.items()
    }


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the emulator does not answer")


class BadLine(ThreadingHTTPServer):
    """A proxy before a port, which fails some of the photos' readings once it is bad."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Way)
        self.port, self.bad, self.readings, self.faults = port, False, 0, 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""

    def fault(self, command: str, path: str) -> str:
        """Return what is to go wrong with a request: "503", "cut" or nothing."""
        asked = urlsplit(path)
        reads = command == "GET" and asked.path.endswith(".jpg")
        if not self.bad or not reads or (asked.path.startswith("/storage") and "alt" not in path):
            return ""
        self.readings += 1
        found = "503" * (self.readings % FAILED == 0) or "cut" * (self.readings % CUT == 0)
        self.faults += bool(found)
        return found


class Way(BaseHTTPRequestHandler):
    """A request on its way."""

    protocol_version = "HTTP/1.1"
    server: BadLine

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault(self.command, self.path)
        if fault == "503":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        there = HTTPConnection("127.0.0.1", self.server.port)
        there.request(self.command, self.path, body, dict(self.headers))
        answer = there.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fault == "cut" else data)
        self.close_connection = fault == "cut"
        there.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _pass_on  # noqa: N815


def _compared(server: Server, folder: Path, line: BadLine) -> dict[str, object]:
    said = ""
    row: dict[str, Any] = {"photos": PHOTOS, "kills": 0, "lost": 0, "twice": 0}
    network = ["embed", "--backbone", "test_resnet", "--weights", "random"]
    for name, task in {
        "identify": ["identify"],
        "embed": network,
        "inspect": ["data", "inspect"],
    }.items():
        _run([*task, str(folder / "photos"), "--out", str(folder / name)])
        asked = [*task, f"{server.bucket}/photos", "--out", f"{server.bucket}/{name}"]
        asked += ["--shard", str(SHARD), "--as-listed"]
        for _ in range(KILLS if name == "identify" else 0):
            row["kills"] += _killed(asked)
        said += _run(asked)
        here, there = parquet.read_table(folder / name), _table(f"{server.bucket}/{name}")
        names = [path.partition("/photos/")[2] for path in there["path"].to_pylist()]
        row["lost"] += len(here) - len({*names})
        row["twice"] += len(names) - len({*names})
        row[f"same_{name}"] = _rows(there, f"{server.bucket}/") == _rows(here, f"{folder}/")
    system, root = locate(server.bucket)
    row["faults"] = line.faults
    row["secrets_shown"] = said.count(KEY) + sum(
        system.open_input_stream(info.path).read().count(KEY.encode())
        for info in system.get_file_info(fs.FileSelector(root, recursive=True))
        if info.is_file
    )
    return row


def _rows(table: pa.Table, root: str) -> list[str]:
    """Write each row, with addresses below a root alone."""
    return [str(row).replace(root, "") for row in table.to_pylist()]


def _table(place: str) -> pa.Table:
    system, root = locate(place)
    infos = system.get_file_info(fs.FileSelector(root))
    parts = sorted(info.path for info in infos if info.path.endswith(".parquet"))
    return pa.concat_tables(parquet.read_table(part, filesystem=system) for part in parts)


def _command(asked: list[str]) -> list[str]:
    return [sys.executable, "-m", "florascope", *asked]


def _run(asked: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 (florascope itself)
        _command(asked), capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 3}:
        raise SystemExit(done.stderr)
    return done.stdout + done.stderr


def _killed(asked: list[str]) -> bool:
    """Kill the command some seconds after its start; whether it still ran."""
    process = psutil.Popen(_command(asked), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(1.5, 4))  # noqa: S311 (instants, not secrets)
    running = process.poll() is None
    if running:
        process.kill()
    process.wait()
    return running


def _draw(folder: Path) -> None:
    """Draw photos into class folders, the last of which is cut short."""
    for number, photo in zip(range(PHOTOS), garden().photos, strict=False):
        path = folder / f"class {number % 3}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo.read()).save(path, quality=90)
    path.write_bytes(path.read_bytes()[:3000])


if __name__ == "__main__":
    main()
