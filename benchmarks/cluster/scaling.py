"""How the work of a job grows with its workers: measured for one and two, simulated beyond.

    python benchmarks/cluster/scaling.py PHOTOS --photos 2000 --shard 50
    python benchmarks/cluster/scaling.py --simulate

The first makes the same shards by one worker process and then by two, each of one thread, so that
what is measured is what workers cost each other: memory, caches, the disk. It keeps the seconds of
each shard and of each start in results/scaling.json. The second draws from these: workers take
shards from one line, as Ray hands them out, each starting as long as a measured one; every draw
may be a worker's death, which costs the shard it was at and another start. What is told is the
share of the workers' time that is spent on shards that stay.

The price of a core-hour is an assumption: PRICE.
"""

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from florascope.cluster.engines import ShardMaker
from florascope.cluster.job import open_job
from florascope.cluster.tasks import Identify

RESULTS = Path(__file__).parent / "results" / "scaling.json"
PRICE = 0.05  # of a core-hour, in whatever money: a round number of 2026, put your own
DISPATCH = 0.002  # seconds in which the driver hands out a shard: 500 a second, far below Ray's own
PLANS = ((1, 1000), (10, 10_000), (100, 100_000), (1000, 100_000), (1000, 1_000_000))
SHARD = 1000  # photos, in the simulation


def main() -> None:
    """Measure, or simulate from what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--shard", type=int, default=50)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--make", nargs=3, metavar=("OUT", "FIRST", "STEP"))
    asked = parser.parse_args()
    if asked.make:
        make(asked.make[0], int(asked.make[1]), int(asked.make[2]))
    elif asked.simulate:
        simulate(json.loads(RESULTS.read_text("utf-8")))
    else:
        measured = {str(workers): measure(asked, workers) for workers in (1, 2)}
        RESULTS.write_text(json.dumps({"shard": asked.shard, **measured}, indent=1) + "\n")
        for workers, found in measured.items():
            print(f"{workers} workers: {found['photos_per_second']:.1f} photos/s")


def measure(asked: argparse.Namespace, workers: int) -> dict[str, object]:
    """Make a job's shards by so many processes of one thread."""
    with tempfile.TemporaryDirectory() as name:
        files = sorted(asked.folder.rglob("*.jpg"))[: asked.photos]
        source, out = Path(name, "list.csv"), Path(name, "out")
        source.write_text("\n".join(["path", *(str(file.absolute()) for file in files)]))
        open_job(str(source), Identify(), str(out), size=asked.shard)
        own = [sys.executable, __file__, "--make", str(out)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        processes = [
            subprocess.Popen(  # noqa: S603 (ourselves)
                [*own, str(first), str(workers)], stdout=subprocess.PIPE, text=True, env=environment
            )
            for first in range(workers)
        ]
        told = [json.loads(process.communicate()[0]) for process in processes]
    began, ended = max(one["began"] for one in told), max(one["ended"] for one in told)
    return {
        "photos_per_second": len(files) / (ended - began),
        "starts": [one["start"] for one in told],
        "shards": [seconds for one in told for seconds in one["shards"]],
    }


def make(out: str, first: int, step: int) -> None:
    """Make every step-th shard, and tell how long each took."""
    starting = time.time()
    maker = ShardMaker(out, Identify(), threads=1)
    began, seconds = time.time(), list[float]()
    shards = -(-json.loads(Path(out, "_job/job.json").read_text())["photos"] // _size(out))
    for shard in range(first, shards, step):
        at = time.time()
        maker(shard)
        seconds.append(time.time() - at)
    told = {"start": began - starting, "began": began, "ended": time.time(), "shards": seconds}
    print(json.dumps(told))


def _size(out: str) -> int:
    return int(json.loads(Path(out, "_job/job.json").read_text())["shard"])


def simulate(measured: dict[str, dict[str, list[float]]]) -> None:
    """Print a table of efficiencies."""
    photo = np.array(measured["1"]["shards"]) / int(str(measured["shard"]))
    start = float(np.mean(measured["1"]["starts"]))
    print("| workers | photos | a worker dies every | hours | busy | cost |")
    print("|---|---|---|---|---|---|")
    for workers, shards in PLANS:
        for hours in (float("inf"), 24.0, 1.0):
            seconds = run(photo, start, workers, shards, hours * 3600, np.random.default_rng(0))
            busy = shards * SHARD * photo.mean() / (seconds * workers)
            cost = seconds * workers / 3600 * PRICE
            dies = "never" if hours == float("inf") else f"{hours:.0f} h"
            photos = shards * SHARD
            told = f"{seconds / 3600:.2f} | {busy:.1%} | {cost:,.2f} |"
            print(f"| {workers:,} | {photos:,} | {dies} | {told}")


def run(
    photo: np.ndarray,
    start: float,
    workers: int,
    shards: int,
    life: float,
    rng: np.random.Generator,
) -> float:
    """Return the seconds in which workers of one thread make the shards.

    Args:
        photo: seconds a photo, one value a measured shard.
        start: seconds until a worker is ready.
        workers: how many.
        shards: how many.
        life: mean seconds until a worker dies.
        rng: draws a shard's seconds (the sum of as many measured shards as it has room for) and
            deaths.
    """
    parts = 20  # of a shard: measured shards are smaller
    free = [(start, number) for number in range(workers)]
    heapq.heapify(free)
    driver, end = 0.0, 0.0
    while shards:
        at, number = heapq.heappop(free)
        driver = max(driver, at) + DISPATCH
        needed = float(rng.choice(photo, parts).mean()) * SHARD
        death = float(rng.exponential(life)) if np.isfinite(life) else np.inf
        if death < needed:
            heapq.heappush(free, (driver + death + start, number))
            continue
        shards -= 1
        end = max(end, driver + needed)
        heapq.heappush(free, (driver + needed, number))
    return end


if __name__ == "__main__":
    main()
