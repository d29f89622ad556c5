"""A few kills of every kind of work; the long run is benchmarks/reliability/kill.py."""

from importlib import import_module
from pathlib import Path
from typing import Any

script: Any = import_module("script")
WORK = ("features", "data", "export")


def test_killed_work_ends_as_calm_work(tmp_path: Path) -> None:
    """All in one process: to import torch takes longer. Training is killed beside fine-tuning."""
    rows = script.rows("kill.py", tmp_path / "rows.csv", "--kills", "3", "--work", *WORK)
    assert tuple(row["work"] for row in rows) == WORK
    for row in rows:
        assert (row["kills"], row["unreadable"], row["other_results"]) == ("3", "0", "0"), row
        assert row["left_kib"] == "0", "what was killed is swept by who goes on"
