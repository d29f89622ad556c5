"""Is the garden fast, and neither trivial nor impossible? Makes the committed table.

    OMP_NUM_THREADS=1 python benchmarks/garden/run.py

Renders on one core, fits colour histograms, and fits a linear probe on the embedded weights, as
`florascope train garden --weights flowers --recipe probe` does: all on the garden's own split, and
the probe on the marked garden's too. Writes results.md beside this file, or to --out. Nothing but
the package and its dev extra is needed.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL
import torch
from histogram import accuracies, histograms
from speed import Speed, speed

from florascope.data.dataset import Dataset
from florascope.files import write_text
from florascope.garden import SPECIES, GardenPhoto, garden, marked_garden
from florascope.training.experiment import train
from florascope.training.recipes import make_recipe

Row = tuple[str, str, float, float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-class", type=int, default=100)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.md"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    timed = speed([GardenPhoto(k, i) for k in range(len(SPECIES)) for i in range(4)], options.runs)
    sets = garden(options.per_class), marked_garden(options.per_class)
    rows = [row for dataset in sets for row in (*colour(dataset), probe(dataset))]
    write_text(options.out, page(timed, rows, options.runs))


def show(what: str, done: int, total: int) -> None:
    """Report on the standard error stream, every tenth of the way."""
    if done % max(total // 10, 1) == 0:
        print(f"{what}: {done}/{total}", file=sys.stderr, flush=True)


def colour(dataset: Dataset) -> list[Row]:
    """The best classifiers of colour histograms."""
    found = accuracies(dataset, dataset.own_splits["garden"], histograms(dataset.photos, show))
    return [(dataset.name, f"colour histogram, {name}", val, test) for name, val, test in found]


def probe(dataset: Dataset) -> Row:
    """The linear probe on the embedded weights."""
    recipe = make_recipe("probe", weights="flowers")
    metrics = train(dataset, dataset.own_splits["garden"], recipe, progress=show).metrics
    return (
        dataset.name,
        "linear probe, weights `flowers`",
        metrics["val"].top1,
        metrics["test"].top1,
    )


def page(timed: Speed, rows: Sequence[Row], runs: int) -> str:
    """The table in Markdown."""
    machine = f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}"
    return f"""# The garden: speed and difficulty

`OMP_NUM_THREADS=1 python benchmarks/garden/run.py` on {machine} at the end, Python
{platform.python_version()}, NumPy {np.__version__}, Pillow {PIL.__version__}.

## Photos a second on one core, 224 x 224

| | photos/s |
|---|---|
| by processor time, median of {runs} runs | {timed.cpu:.0f} |
| slowest and fastest of these runs | {timed.slowest:.0f} to {timed.fastest:.0f} |
| by processor time, each photo's best run | {timed.best:.0f} |
| by the clock on the wall, median | {timed.wall:.0f} |

## How hard it is, on the garden's own split

Each line's setting was chosen on the validation photos; the test photos were used once.

| data | classifier | validation top-1 | test top-1 |
|---|---|---|---|
{"".join(line(*row) for row in rows)}"""


def line(data: str, name: str, val: float, test: float) -> str:
    """One line of the second table."""
    return f"| {data} | {name} | {val:.3f} | {test:.3f} |\n"


if __name__ == "__main__":
    main()
