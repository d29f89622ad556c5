"""Kill jobs with SIGKILL at random instants, start the same command again, and count the photos.

    python benchmarks/cluster/kill.py --kills 30 --victim driver --engine local
    python benchmarks/cluster/kill.py --kills 10 --victim worker --engine ray

A calm run of one process gives the expected table. Then the command runs in a fresh folder and its
victim is killed at a random instant of the time that a calm run of that engine takes, or (every
other time) just after a random number of shards is there, so that starting up does not get all the
kills; where the command ends by it, it is started again, up to five kills a folder, after which it
may finish. At the end the folder must hold the expected table: each photo once, in order, each
answer bit for bit.

Victims: the driver (the command itself), a worker (the process that holds the model), a helper (any
other process that Ray starts, such as the one that tells where its workers are), a node (the
raylet that the workers hang from). Rows go to results/kills.csv.
"""

import argparse
import csv
import math
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from florascope.garden import garden

RESULTS = Path(__file__).parent / "results" / "kills.csv"
COLUMNS = (
    *("date", "engine", "victim", "photos", "shards", "kills", "folders"),
    *("ended_the_command", "mid_work", "lost", "twice", "other_tables", "drafts_left"),
)
PHOTOS, SHARD, ROUND = 60, 5, 5
NAMES = {"worker": "ray::MapWorker", "helper": "ray::", "node": "raylet"}


def main() -> None:
    """Kill, resume, compare, and write a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument(
        "--victim", choices=["driver", "worker", "helper", "node"], default="driver"
    )
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)  # noqa: S311 (instants, not secrets)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _draw(folder / "photos")
        _run(_command(folder, "truth", "local"))
        truth = parquet.read_table(folder / "truth")
        command = _command(folder, "out", asked.engine)
        began = time.monotonic()
        _run(command)
        calm = time.monotonic() - began
        counts: Counter[str] = Counter()
        while counts["kills"] < asked.kills:
            shutil.rmtree(folder / "out")
            counts["folders"] += 1
            _round(command, asked, (rng, calm), counts)
            _compare(folder / "out", truth, counts)
            print(dict(counts), flush=True)
    _write(asked, counts)


def _round(
    command: list[str],
    asked: argparse.Namespace,
    draw: tuple[random.Random, float],
    counts: Counter[str],
) -> None:
    """Kill in one folder until a run ends well."""
    rng, calm = draw
    kills = 0
    while True:
        kills += 1
        victim = asked.victim if kills <= ROUND and counts["kills"] < asked.kills else None
        anywhere = rng.random() < 0.5
        instant = rng.uniform(0.0, calm) if anywhere else rng.uniform(0.0, 0.1)
        shards = 0 if anywhere else rng.randrange(1, PHOTOS // SHARD)
        ended, there = _run(command, victim, instant, shards)
        counts["kills"] += there is not None
        counts["mid_work"] += there is not None and 0 < there < PHOTOS // SHARD
        if ended:
            return
        counts["ended_the_command"] += 1


def _run(
    command: list[str], victim: str | None = None, instant: float = 0, shards: int = 0
) -> tuple[bool, int | None]:
    """Run the command and kill its victim at an instant after so many shards are there.

    Returns:
        Whether the command ended well, and how many shards were there when the victim was hit.
    """
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    there, began = None, time.monotonic() if shards == 0 else math.inf
    out = Path(command[command.index("--out") + 1])
    family: list[psutil.Process] = []
    while process.poll() is None:
        try:
            family = process.children(recursive=True) or family
        except psutil.NoSuchProcess:
            break
        parts = len(list(out.glob("part-*"))) if out.exists() else 0
        if parts >= shards:
            began = min(began, time.monotonic())
        if victim and there is None and time.monotonic() - began > instant:
            there = parts if _kill(victim, process, family) else None
        time.sleep(0.02)
    process.wait()
    for left in psutil.wait_procs(family, timeout=15)[1]:
        left.kill()  # what Ray itself did not end with its driver
    told = process.stderr.read().decode() if process.stderr else ""
    if process.returncode not in {0, 3} and there is None:
        raise SystemExit(f"the command failed by itself: {told[-2000:]}")
    return process.returncode in {0, 3}, there


def _kill(victim: str, driver: psutil.Process, family: list[psutil.Process]) -> bool:
    """Kill one victim; False where there is none yet (or no more)."""
    if victim == "driver":
        targets = [driver]
    else:
        targets = [p for p in family if p.is_running() and _called(p, NAMES[victim])]
    if not targets:
        return False
    targets[0].send_signal(signal.SIGKILL)
    return True


def _called(process: psutil.Process, name: str) -> bool:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return line.startswith(name) if name.startswith("ray::") else name in line.split(" ")[0]


def _command(folder: Path, out: str, engine: str) -> list[str]:
    asked = ["--shard", str(SHARD), "--engine", engine, "--out", str(folder / out)]
    return [sys.executable, "-m", "florascope", "identify", str(folder / "photos"), *asked]


def _compare(out: Path, truth: pa.Table, counts: Counter[str]) -> None:
    """Hold what is there against the calm run's table."""
    found = parquet.read_table(out)
    seen = Counter(found["path"].to_pylist())
    counts["lost"] += len(set(truth["path"].to_pylist()) - seen.keys())
    counts["twice"] += sum(count - 1 for count in seen.values())
    counts["other_tables"] += not found.equals(truth)
    counts["drafts_left"] += len(list(out.rglob(".*")))


def _draw(folder: Path) -> None:
    """Draw photos, the last of which is cut short."""
    folder.mkdir()
    for number, photo in zip(range(PHOTOS), garden().photos, strict=False):
        Image.fromarray(photo.read()).save(folder / f"{number}.jpg", quality=90)
    whole = (folder / f"{PHOTOS - 1}.jpg").read_bytes()
    (folder / f"{PHOTOS - 1}.jpg").write_bytes(whole[: len(whole) // 2])


def _write(asked: argparse.Namespace, counts: Counter[str]) -> None:
    new = not RESULTS.exists()
    fixed = {"engine": asked.engine, "victim": asked.victim}
    fixed |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "photos": PHOTOS, "shards": PHOTOS // SHARD}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(fixed | {name: counts[name] for name in COLUMNS if name not in fixed})


if __name__ == "__main__":
    main()
