"""Turn results.csv into results.md: mean and spread over the seeds of each row.

python benchmarks/recipes/table.py
"""

import csv
import statistics
from collections.abc import Iterator
from pathlib import Path

from run import RESULTS, all_rows, columns

HEAD = (
    "# What each recipe is worth on Oxford Flowers 102, official split",
    "",
    "Top-1 in %, mean over the seeds (smallest to largest). Made by `run.py` and `table.py`;"
    " results.csv holds the commands. Rows without a size in pixels: 224 where a head learns, 160"
    " where layers do.",
    "",
    "| row | seeds | train | val | test | test loss |",
    "|---|---|---|---|---|---|",
)


def main() -> None:
    """Write the table."""
    with RESULTS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    text = "\n".join([*HEAD, *lines(rows)]) + "\n"
    Path(__file__).with_name("results.md").write_text(text, encoding="utf-8")
    print(text)


def lines(rows: list[dict[str, str]]) -> Iterator[str]:
    """Yield a line a row, in the order of `all_rows`; then what that no longer measures."""
    measured = {row["row"] for row in rows}
    known = [name for name, _ in all_rows(Path()) if name in measured]
    for name in [*known, *sorted(measured - set(known))]:
        own = [row for row in rows if row["row"] == name]
        shares = [
            spread([100 * v for v in columns(own, part)]) for part in ("train", "val", "test")
        ]
        loss = f"{statistics.mean(columns(own, 'test_loss')):.3f}"
        yield f"| {' | '.join([name, str(len(own)), *shares, loss])} |"


def spread(values: list[float]) -> str:
    """Write a mean with its range."""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
