"""Are findings that say 0.9 right nine times in ten?

    python benchmarks/doctor/calibration.py benchmarks/doctor/exam/results_*.json

Reads tables that confusion.py or exam/run.py wrote, puts the first finding of each training into a
bin of its confidence, and prints how often it was right; with --plot FILE it draws the same. A
finding on a sound training counts as wrong where it is an error.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

EDGES = (0.0, 0.55, 0.75, 0.875, 0.94, 1.01)


def first_findings(path: Path) -> list[tuple[float, bool]]:
    """Confidence of each training's first finding, and whether it is right."""
    told: Any = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(told, dict):
        return [first for row in told["cases"] if (first := _of_exam(row)) is not None]
    return [(r["confidence"], bool(r["right"])) for r in told if r["named"]]


def _of_exam(row: dict[str, Any]) -> tuple[float, bool] | None:
    """The first error or warning of a faulty training, the first error of a sound one."""
    counted = ("error", "warning") if row["faulty"] else ("error",)
    loud = [f for f in row.get("findings", ()) if f["severity"] in counted]
    return (loud[0]["confidence"], row["verdict"] == "named first") if loud else None


def bins(found: list[tuple[float, bool]]) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and count of each bin that holds any."""
    kept = []
    for low, high in pairwise(EDGES):
        own = [(sure, right) for sure, right in found if low <= sure < high]
        if own:
            sure, right = (sum(column) / len(own) for column in zip(*own, strict=True))
            kept.append((sure, right, len(own)))
    return kept


def draw(rows: list[tuple[float, float, int]], path: Path) -> None:
    """Share right over confidence, with the diagonal."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 4))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([r[0] for r in rows], [r[1] for r in rows], "o-")
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1.05))
    figure.savefig(path, bbox_inches="tight")


def main() -> None:
    """Read, bin, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    rows = bins([one for path in options.tables for one in first_findings(path)])
    print("confidence  right  findings")
    for sure, right, count in rows:
        print(f"{sure:10.2f} {right:6.2f} {count:9d}")
    if options.plot:
        draw(rows, options.plot)


if __name__ == "__main__":
    main()
