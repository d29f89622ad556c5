"""A few kills of every kind of work; the long run is benchmarks/reliability/kill.py."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reliability" / "kill.py"


@pytest.mark.parametrize("work", ["features", "data", "export"])
def test_killed_work_ends_as_calm_work(work: str, tmp_path: Path) -> None:
    """Training has its own test, beside fine-tuning's others."""
    out = tmp_path / "rows.csv"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--work", work, "--kills", "3", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["kills"], row["unreadable"], row["other_results"]) == ("3", "0", "0")
