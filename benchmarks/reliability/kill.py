"""Kill work with SIGKILL at random instants, let it go on, and hold the end against a calm run.

    python benchmarks/reliability/kill.py --kills 60
    python benchmarks/reliability/kill.py --kills 60 --work features data

For each kind of work: a calm run gives the expected result. Then, in a fresh folder, a child
process is killed up to five times, each time at a random instant of the time that the calm run
took, and a last one may finish. After every kill all that shows in the folder is read and must be
whole; at the end the result must be the calm run's, bit for bit. Rows go to results/kills.csv.
"""

import argparse
import csv
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from jobs import JOBS, Job, archive, flowers

RESULTS = Path(__file__).parent / "results" / "kills.csv"
COLUMNS = ("date", "work", "kills", "runs", "mid_work", "unreadable", "other_results", "left_kib")
ROUND = 5  # kills in one folder


class Site(BaseHTTPRequestHandler):
    """Serves the archive slowly enough to be killed within, and from any byte on."""

    def do_GET(self) -> None:
        """Send the archive from where it is asked for."""
        data = archive()
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        try:
            for at in range(start, len(data), 2**16):
                self.wfile.write(data[at : at + 2**16])
                time.sleep(0.002)
        except OSError:  # the child was killed
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def start(job: Job, folder: Path) -> int:
    """Do the work in a child process; it writes its digest when it is done."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        (folder / "digest").write_text(job.run(folder / "work"))
        status = 0
    finally:
        os._exit(status)


def ended(child: int, seconds: float) -> bool:
    """Kill a child after some seconds; return whether it had ended well by then."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0, "the work itself failed"
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL


def calm(job: Job, folder: Path) -> tuple[str, float]:
    """Run undisturbed; return the digest and the seconds."""
    begin = time.monotonic()
    assert ended(start(job, folder), 600), "a calm run takes more than ten minutes"
    return (folder / "digest").read_text(), time.monotonic() - begin


def room(parent: Path) -> Path:
    """Make a folder with an empty place for work in it."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    (folder / "work").mkdir()
    return folder


def attack(name: str, kills: int, dice: random.Random, parent: Path) -> dict[str, object]:
    """Kill one kind of work that often."""
    job = JOBS[name]
    first = room(parent)
    expected, seconds = calm(job, first)
    again, seconds = calm(job, room(parent))  # the first warmed what all share
    assert again == expected, "two calm runs differ"
    done = runs = middle = unreadable = others = left = 0
    while done < kills:
        folder = room(parent)
        for _ in range(min(ROUND, kills - done)):
            if ended(start(job, folder), dice.uniform(0, 0.9 * seconds)):
                break
            done += 1
            middle += any((folder / "work").iterdir())
            try:
                job.check(folder / "work")
            except Exception as error:  # noqa: BLE001 (whatever it is, it counts)
                unreadable += 1
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
        runs += 1
        others += calm(job, folder)[0] != expected
        hidden = [p for p in (folder / "work").rglob(".*") if p.is_file()]
        hidden += [p for d in (folder / "work").rglob(".*") if d.is_dir() for p in d.rglob("*")]
        left += sum(p.stat().st_size for p in hidden if p.is_file())
        shutil.rmtree(folder)
    values = (datetime.now(UTC).date().isoformat(), name, done, runs, middle, unreadable, others)
    return dict(zip(COLUMNS, (*values, left // 1024), strict=True))


def main() -> int:
    """Attack all kinds of work; the exit status is 1 where one did not stand it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="for each kind of work")
    parser.add_argument("--work", choices=JOBS, nargs="+", default=[*JOBS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    flowers()
    archive()
    os.environ["no_proxy"] = "*"
    dice, failed = random.Random(given.seed), False  # noqa: S311
    with (
        tempfile.TemporaryDirectory() as parent,
        ThreadingHTTPServer(("127.0.0.1", 0), Site) as server,
    ):
        os.environ["FIRE_URL"] = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in given.work:
            row = attack(name, given.kills, dice, Path(parent))
            print(row, flush=True)
            failed |= bool(row["unreadable"] or row["other_results"])
            new = not given.out.exists()
            with given.out.open("a", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writerows([dict(zip(COLUMNS, COLUMNS, strict=True))] if new else [])
                writer.writerow(row)
        server.shutdown()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
