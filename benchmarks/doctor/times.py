"""How long does the doctor take on Oxford Flowers 102?

    python benchmarks/doctor/times.py
    python benchmarks/doctor/times.py --run runs/mine

Times `florascope doctor oxford102` and the diagnosis of a run as processes of their own, with an
empty cache; and, in this process, what runs inside every training: the checks before a probe of
Oxford 102 (80/10/10) and those after it. Needs FLORASCOPE_DATA and FLORASCOPE_WEIGHTS; a run is
only diagnosed where one is given. Writes results/times.md beside this file.

Processor seconds are those of all threads together: on a machine that does something else, too,
they say more than wall-clock seconds, which can be at best half of them on two cores.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from florascope.data.splits import choose_split
from florascope.doctor.own import after_training, before_training
from florascope.files import write_text
from florascope.nets.weights import load_backbone
from florascope.source import open_dataset
from florascope.training.experiment import train
from florascope.training.recipes import make_recipe

BACKBONE, WEIGHTS = "mobilenetv2_100", "torchvision"


class Time(NamedTuple):
    """What one thing took.

    Attributes:
        what: it was.
        wall: seconds on the clock.
        processor: seconds of all threads together.
        bound: seconds on the clock that it may take on two cores.
    """

    what: str
    wall: float
    processor: float
    bound: float


def command(*arguments: str) -> tuple[float, float]:
    """Run the doctor as a process of its own with an empty cache."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, "-m", "florascope", "doctor", *arguments],
            check=True,
            env={**os.environ, "FLORASCOPE_CACHE": cache},
        )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def call(function: Callable[[], Any]) -> tuple[float, float]:
    """Time a function in this process."""
    wall, used = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - used


def within() -> Iterator[Time]:
    """What runs inside a training; its own loading of the backbone is counted."""
    dataset = open_dataset("oxford102")
    split = choose_split(dataset, "80-10-10", 0)

    def start() -> None:
        before_training(dataset, split, load_backbone(BACKBONE, WEIGHTS))

    yield Time("checks before a training (80/10/10)", *call(start), 5)
    experiment = train(dataset, split, make_recipe("probe", weights=WEIGHTS))
    yield Time("checks after a training (80/10/10)", *call(lambda: after_training(experiment)), 5)


def whole(run: Path | None) -> Iterator[Time]:
    """Full diagnoses."""
    yield Time("florascope doctor oxford102 (official split)", *command("oxford102"), 60)
    if run is not None:
        yield Time("florascope doctor RUN (of Oxford 102)", *command(str(run)), 60)


def table(rows: list[Time]) -> str:
    """Write the times beside their bounds."""
    lines = [
        "# What the doctor's time is",
        "",
        "By `benchmarks/doctor/times.py`. Processor seconds are those of all threads together.",
        "",
        "| | wall, s | processor, s | bound on two cores, s |",
        "|---|---|---|---|",
        *(f"| {r.what} | {r.wall:.1f} | {r.processor:.1f} | {r.bound:.0f} |" for r in rows),
        "",
        f"Load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Time, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--run", type=Path, help="a finished run of Oxford 102 to diagnose")
    options = parser.parse_args()
    rows: list[Time] = []
    for part in (within(), whole(options.run)):
        for one in part:
            rows.append(one)
            print(one, flush=True)
            write_text(options.out / "times.md", table(rows))


if __name__ == "__main__":
    main()
