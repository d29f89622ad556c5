"""Two nodes on loopback, one of which dies: a job of Ray's goes on, a fine-tuning is resumed.

    python benchmarks/cluster/nodes.py ray
    python benchmarks/cluster/nodes.py torchrun

ray: two raylets of two CPUs each hold a worker each; the second raylet is killed once a random
number of shards is there. The command itself must end well, with the table of one calm process.

torchrun: two agents of one process each share a fine-tuning; the second node's process is killed
once a checkpoint is there. Both nodes are started again; the run must end with the very weights of
a calm run. Rows go to results/nodes.csv.
"""

import argparse
import csv
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
from PIL import Image
from pyarrow import parquet

from florascope.garden import garden

RESULTS = Path(__file__).parent / "results" / "nodes.csv"
COLUMNS = ("date", "what", "killed", "when", "ended_by_itself", "started_again", "same_result")
PHOTOS, SHARD = 120, 5
TRAIN = ["--recipe", "finetune", "--backbone", "test_resnet", "--weights", "random"]
TRAIN += ["--set", "epochs=12", "--set", "train_size=64", "--set", "size=64"]


def main() -> None:
    """Run one of the two and write its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["ray", "torchrun"])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)  # noqa: S311 (instants, not secrets)
    with tempfile.TemporaryDirectory() as name:
        _draw(Path(name) / "photos")
        row = (_ray if asked.what == "ray" else _torchrun)(Path(name), rng)
    row = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "what": asked.what, **row}
    print(row)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def _ray(folder: Path, rng: random.Random) -> dict[str, object]:
    identify = [sys.executable, "-m", "florascope", "identify", str(folder / "photos")]
    identify += ["--shard", str(SHARD), "--out"]
    _finish([*identify, str(folder / "truth")])
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    port = _free_port()
    wanted = rng.randrange(2, PHOTOS // SHARD // 2)
    with _node("--head", f"--port={port}"), _node(f"--address=127.0.0.1:{port}") as second:
        command = [*identify, str(folder / "out"), "--engine", "ray", "--workers", "2"]
        process = psutil.Popen([*command, "--address", f"127.0.0.1:{port}"])
        while len(list((folder / "out").glob("part-*"))) < wanted and process.poll() is None:
            time.sleep(0.01)
        there = len(list((folder / "out").glob("part-*")))
        on_second = [p for p in second if "MapWorker" in " ".join(p.cmdline())]
        for one in second:
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)
        code = process.wait()
    same = parquet.read_table(folder / "out").equals(parquet.read_table(folder / "truth"))
    told = f"the second of two nodes, with {len(on_second)} of 2 workers"
    when = f"{there} of {PHOTOS // SHARD} shards"
    return {"killed": told, "when": when, "ended_by_itself": code in {0, 3}, "same_result": same}


class _Node:
    """The processes of a node: its raylet and all that hangs from it."""

    def __init__(self, known: set[int]) -> None:
        self._known = known

    def __iter__(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid not in self._known and "raylet/raylet" in " ".join(
                    process.cmdline()
                ):
                    yield from process.children(recursive=True)
                    yield process


@contextmanager
def _node(*options: str) -> Iterator[_Node]:
    """Start a node of two CPUs and end what it started."""
    known = {process.pid for process in psutil.process_iter()}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, "--num-cpus=2"]
    command += ["--block", "--disable-usage-stats", "--include-dashboard=false"]
    shown = [part for part in command if options[0] == "--head" or "dashboard" not in part]
    process = psutil.Popen(shown, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    node = _Node(known)
    try:
        while not list(node) and process.poll() is None:
            time.sleep(0.1)
        time.sleep(3)
        yield node
    finally:
        family = [*process.children(recursive=True), process] if process.is_running() else []
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        process.wait()


def _torchrun(folder: Path, rng: random.Random) -> dict[str, object]:
    calm = _nodes(folder, "calm")
    _wait(calm)
    began = _nodes(folder, "run")
    wanted = rng.uniform(0.0, 2.0)
    checkpoint = folder / "run" / "checkpoint.safetensors"
    while not checkpoint.exists() and began[1].poll() is None:
        time.sleep(0.01)
    time.sleep(wanted)
    victims = began[1].children(recursive=True)
    for one in victims:
        with suppress(psutil.Error):
            one.send_signal(signal.SIGKILL)
    codes = _wait(began, well=False)
    left = "stayed" if checkpoint.exists() else "is gone"
    _wait(_nodes(folder, "run"))
    weights = [(folder / n / "bundle" / "model.safetensors").read_bytes() for n in ("calm", "run")]
    return {
        "killed": f"{len(victims)} process of the second of two nodes",
        "when": f"{wanted:.2f} s after the first checkpoint, which {left}",
        "ended_by_itself": codes == [0, 0],
        "started_again": True,
        "same_result": weights[0] == weights[1],
    }


def _nodes(folder: Path, out: str) -> list[psutil.Popen]:
    """Start two nodes of one process each."""
    shared = ["--nnodes=2", "--nproc-per-node=1", f"--master-port={_free_port()}"]
    shared += ["--master-addr=127.0.0.1"]
    train = [
        "-m",
        "florascope",
        "train",
        str(folder / "photos"),
        *TRAIN,
        "--out",
        str(folder / out),
    ]
    run = [sys.executable, "-m", "torch.distributed.run", *shared]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": {**os.environ}}
    return [psutil.Popen([*run, f"--node-rank={rank}", *train], **quiet) for rank in range(2)]


def _wait(nodes: list[psutil.Popen], *, well: bool = True) -> list[int]:
    codes = [node.wait(timeout=300) for node in nodes]
    if well and codes != [0, 0]:
        raise SystemExit(f"torchrun ended with {codes}")
    return codes


def _finish(command: list[str]) -> None:
    code = psutil.Popen(command, stdout=subprocess.DEVNULL).wait()
    if code not in {0, 3}:
        raise SystemExit(f"{' '.join(command)} ended with {code}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _draw(folder: Path) -> None:
    data = garden()
    for number in range(PHOTOS):
        name = folder / data.classes[data.labels[number]].id / f"{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.photos[number].read()).save(name, quality=90)


if __name__ == "__main__":
    main()
