"""One command measured as a whole process."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measured:
    """Attributes: seconds from start to end; peak resident memory in MB; what it printed."""

    seconds: float
    megabytes: float
    output: str


def florascope(*arguments: str) -> tuple[str, ...]:
    """This environment's florascope."""
    return (sys.executable, "-m", "florascope", *arguments)


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command and wait for it as `time -v` does.

    A child's peak begins with its parent's memory: whoever calls this must not import much.
    """
    with tempfile.TemporaryFile() as output:
        before = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603
            command, stdout=output, env={**_usual(), **(environment or {})}
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - before
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if child.returncode not in {0, 3}:  # 3: identify knows none of the flowers
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Measured(seconds, usage.ru_maxrss / 1024, text)


def _usual() -> dict[str, str]:
    """This environment, with modules compiled once as for every user."""
    hidden = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    return {k: v for k, v in os.environ.items() if k not in hidden}


def typical(command: Sequence[str], times: int = 7) -> Measured:
    """The median of several runs, after one that warms the disk's cache."""
    runs = [measured(command) for _ in range(times + 1)][1:]
    return Measured(
        median(run.seconds for run in runs), max(run.megabytes for run in runs), runs[0].output
    )
