"""Feed a reader with mutated bytes and count what it makes of them (atheris on libFuzzer).

    python benchmarks/reliability/fuzz.py photo --seconds 300
    python benchmarks/reliability/fuzz.py all --seconds 300

Every input is either read, or refused with a FlorascopeError. Anything else, a hang or more than
2 GB of memory counts as a crash: its input is kept under --crashes. One row a run is appended to
results/fuzzing.csv. Coverage guides the mutations through florascope's own code and through what
Pillow, tarfile and json have in Python.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
TARGETS = ("photo", "manifest", "split", "config", "graph", "graph_run", "safetensors")
RESULTS = HERE / "results" / "fuzzing.csv"
COLUMNS = ("date", "target", "seconds", "inputs", "read", "refused", "crashes")


def fuzz(name: str, runs: int, seconds: int, crashes: Path) -> dict[str, object]:
    """Run a worker; return its row."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, start = Path(temporary), time.monotonic()
        command = [
            sys.executable,
            str(HERE / "fuzz_worker.py"),
            name,
            temporary,
            str(runs),
            str(seconds),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        found = sorted(folder.glob("crash-*"))
        for path in found:
            crashes.mkdir(parents=True, exist_ok=True)
            path.replace(crashes / f"{name}-{path.name}")
        said = [line for line in done.stdout.splitlines() if line.startswith("CRASH")]
        print("\n".join([*said, *(done.stderr.splitlines()[-15:] if done.returncode else [])]))
        kept = folder / "counts.json"
        counts = json.loads(kept.read_text()) if kept.exists() else {}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "target": name,
        "seconds": round(time.monotonic() - start),
        **{key: counts.get(key, 0) for key in ("inputs", "read", "refused")},
        "crashes": max(len(found), int(done.returncode != 0)),
    }


def main() -> int:
    """Fuzz one target or all; the exit status is 1 where one crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=0, help="inputs, instead of seconds")
    parser.add_argument("--crashes", type=Path, default=Path("runs/crashes"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    crashed = 0
    for name in TARGETS if given.target == "all" else [given.target]:
        row = fuzz(name, given.runs, given.seconds, given.crashes)
        print(row, flush=True)
        crashed += int(str(row["crashes"]))
        new = not given.out.exists()
        with given.out.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writerows([dict(zip(COLUMNS, COLUMNS, strict=True))] if new else [])
            writer.writerow(row)
    return int(crashed > 0)


if __name__ == "__main__":
    sys.exit(main())
