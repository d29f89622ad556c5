"""A few kills of every kind of work; the long run is benchmarks/reliability/kill.py."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

script: Any = import_module("script")


@pytest.mark.parametrize("work", ["features", "data", "export"])
def test_killed_work_ends_as_calm_work(work: str, tmp_path: Path) -> None:
    """Training has its own test, beside fine-tuning's others."""
    row = script.only_row("kill.py", tmp_path / "rows.csv", "--work", work, "--kills", "3")
    assert (row["kills"], row["unreadable"], row["other_results"]) == ("3", "0", "0")
