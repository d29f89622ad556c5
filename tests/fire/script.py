"""The reliability scripts, run as a person runs them."""

import csv
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "reliability"


def rows(script: str, out: Path, *arguments: str) -> list[dict[str, str]]:
    """Run a script, which must end well, and return the rows that it wrote."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments, "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def only_row(script: str, out: Path, *arguments: str) -> dict[str, str]:
    """Run a script that writes one row."""
    (row,) = rows(script, out, *arguments)
    return row
