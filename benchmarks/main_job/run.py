"""The main job's figures on Oxford Flowers 102, each from the command a user would type.

    python benchmarks/main_job/run.py --split FILE.csv [--only seed probe-csv probe-official ...]

Needs FLORASCOPE_DATA with flowers-102/, FLORASCOPE_WEIGHTS with Google's and torchvision's
MobileNetV2, and the CSV file of the 6,552 / 818 / 819 split. Each row is appended to results.csv
beside this file, with the command, the figures and the seconds it took; `seconds` is small where
features were in the cache already, which the column `cache` says.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = ("measured", "command", "train", "val", "test", "test_loss", "seconds", "cache", "goal")
STARTS = 5
TRAIN = ("train", "oxford102", "--recipe")
Row = dict[str, Any]


def main() -> None:
    """Measure what was asked for, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", type=Path, required=True, help="CSV of the 80/10/10 split")
    parser.add_argument("--only", nargs="*", help="rows to measure")
    options = parser.parse_args()
    measures = all_measures(options.split)
    for name in options.only or measures:
        append(measures[name](name))


def all_measures(split: Path) -> dict[str, Callable[[str], Row]]:
    """Name every row and how it is measured."""
    seed = (*TRAIN, "seed", "--weights", "google", "--split", "80-10-10")
    probe = (*TRAIN, "probe", "--weights", "torchvision", "--split")
    official = (*probe, "official")
    return {
        "seed": lambda name: training(name, seed, ">= 0.87"),
        "probe-csv": lambda name: training(name, (*probe, str(split)), ">= 0.935"),
        "probe-official": lambda name: training(name, official, ">= 0.84"),
        "seed-twice": lambda name: twice(name, seed),
        "probe-official-twice": lambda name: twice(name, official),
        "demo-bare": lambda name: demo(name, at_hand=False),
        "demo-oxford": lambda name: demo(name, at_hand=True),
        "help": start,
    }


def training(name: str, command: Sequence[str], goal: str) -> Row:
    """Train once."""
    return {**figures(name, *train_json(command)), "goal": goal}


def twice(name: str, command: Sequence[str]) -> Row:
    """Train twice with one seed; the figures must be equal to the last bit."""
    (first, _), (second, seconds) = train_json(command), train_json(command)
    same = all(first[subset] == second[subset] for subset in ("train", "val", "test"))
    row = figures(name, second, seconds)
    return {**row, "goal": f"same figures twice: {'yes' if same else 'NO'}"}


def demo(name: str, *, at_hand: bool) -> Row:
    """Run the demo with an empty cache, with or without data and weights at hand."""
    hidden = () if at_hand else ("FLORASCOPE_DATA", "FLORASCOPE_WEIGHTS")
    with tempfile.TemporaryDirectory() as cache:
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        found, seconds = train_json(("demo",), {**environment, "FLORASCOPE_CACHE": cache})
    return {**figures(name, found, seconds), "cache": "empty", "goal": "< 180 s"}


def start(name: str) -> Row:
    """Time `florascope --help`, the median of several, and look for torch among its imports."""
    seconds = []
    for _ in range(STARTS):
        before = time.perf_counter()
        subprocess.run(command_line("--help"), check=True, capture_output=True)  # noqa: S603
        seconds.append(time.perf_counter() - before)
    program = "import sys, florascope.cli.main; print('torch' in sys.modules)"
    asked = subprocess.run(  # noqa: S603
        (sys.executable, "-c", program), check=True, capture_output=True
    )
    imported = asked.stdout.decode().strip()
    goal = f"< 0.3 s; torch imported: {imported}"
    return {**row(name, "--help"), "seconds": f"{statistics.median(seconds):.2f}", "goal": goal}


def train_json(
    command: Sequence[str], environment: dict[str, str] | None = None
) -> tuple[Row, float]:
    """Run a command with --json; return its object, with the command in it, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        line = command_line(*command, "--out", f"{folder}/run", "--json")
        before = time.perf_counter()
        ended = subprocess.run(  # noqa: S603
            line, check=True, stdout=subprocess.PIPE, env=environment
        )
        seconds = time.perf_counter() - before
    return {**json.loads(ended.stdout), "command": " ".join(command)}, seconds


def command_line(*arguments: str) -> tuple[str, ...]:
    """Call this environment's florascope."""
    return (sys.executable, "-m", "florascope", *arguments)


def figures(name: str, found: Row, seconds: float) -> Row:
    """Make a row of a run's JSON."""
    shares = {subset: f"{found[subset]['top1']:.4f}" for subset in ("train", "val", "test")}
    loss = f"{found['test']['loss']:.4f}"
    measured = row(name, found["command"])
    return {**measured, **shares, "test_loss": loss, "seconds": f"{seconds:.0f}", "cache": "kept"}


def row(name: str, command: str) -> Row:
    """Begin a row; of a path only the file's name is kept."""
    words = [Path(word).name for word in command.split()]
    return {"measured": name, "command": " ".join(("florascope", *words))}


def append(measured: Row) -> None:
    """Add a row to the table, and show it."""
    fresh = not RESULTS.is_file()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        if fresh:
            writer.writeheader()
        writer.writerow(measured)
    print(measured)


if __name__ == "__main__":
    main()
