"""What an engine costs against the plain pipeline: photos a second, and the driver's memory.

    python benchmarks/cluster/run.py PHOTOS --ways plain local ray
    python benchmarks/cluster/run.py PHOTOS --ways local --task inspect --links 100000

Each way is a process of its own. `plain` is `florascope identify FOLDER --json`, `local` and `ray`
are the same with --out. Two rates are told: of the whole command, and `steady`, between the first
shard and the last, which leaves out starting up (Ray takes some seconds, however few the photos).
`driver_mb` is the peak resident memory of the command's own process, workers left out; for plain
and local it does the work as well. Rows go to results/speed.csv.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results" / "speed.csv"
COLUMNS = (
    *("date", "task", "way", "photos", "shard", "seconds", "photos_per_second", "steady"),
    "driver_mb",
)


def main() -> None:
    """Measure the ways one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--ways", nargs="+", default=["plain", "local", "ray"])
    parser.add_argument("--task", choices=["identify", "inspect"], default="identify")
    parser.add_argument("--links", type=int, default=0, help="So many links to the photos.")
    parser.add_argument("--shard", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _linked(asked.photos, folder / "links", asked.links)
        count = sum(1 for _ in source.rglob("*.jpg"))
        for way in asked.ways:
            row = measure(way, asked.task, source, folder / way, asked.shard)
            _write({"photos": count, "shard": asked.shard, "task": asked.task, **row}, count)


def measure(way: str, task: str, source: Path, out: Path, shard: int) -> dict[str, object]:
    """Run one way and watch its memory and its shards."""
    command = [
        sys.executable,
        "-m",
        "florascope",
        *(["data", task] if task == "inspect" else [task]),
    ]
    command += [str(source), "--json"]
    if way != "plain":
        command += ["--out", str(out), "--engine", way, "--shard", str(shard)]
    began = time.monotonic()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watcher = Peak(process)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    watcher.join()
    if code not in {0, 3}:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    found = {"way": way, "seconds": round(seconds, 1), "driver_mb": watcher.peak >> 20}
    if way == "plain":
        return found
    made = sorted(path.stat().st_mtime for path in out.glob("part-*"))
    steady = (len(made) - 1) * shard / max(made[-1] - made[0], 1e-9)
    return {**found, "steady": round(steady, 1)}


class Peak(threading.Thread):
    """Watches a process's resident memory, its children left out."""

    def __init__(self, process: psutil.Popen) -> None:
        super().__init__(daemon=True)
        self.process, self.peak = process, 0

    def run(self) -> None:
        """Look twenty times a second."""
        while self.process.poll() is None:
            try:
                self.peak = max(self.peak, self.process.memory_info().rss)
            except psutil.Error:
                return
            time.sleep(0.05)


def _linked(photos: Path, folder: Path, count: int) -> Path:
    """Link to the photos over and over, a thousand a folder."""
    if not count:
        return photos
    files = sorted(photos.rglob("*.jpg"))
    for number in range(count):
        link = folder / f"{number // 1000:04d}" / f"{number:07d}.jpg"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(files[number % len(files)].absolute())
    return folder


def _write(row: dict[str, object], count: int) -> None:
    seconds = float(str(row["seconds"]))
    row |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "photos_per_second": round(count / seconds, 1)}
    print(row, flush=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
