"""Do the tests pass at the lowest versions that pyproject.toml allows?

    pip install uv
    python benchmarks/installs/floors.py [--python 3.11] [--place build/floors] [--go-on]

Makes an environment in which every package of the light install and of the extras `train` and
`serve` has its lowest version (uv's `lowest-direct`) and runs the tests of what these packages do:
first with the light install's own Pillow, as in somebody's notebook, then with the one that a
server asks for. Writes results/floors.csv beside this file if all pass, from which
docs/reference/floors.md has its last column. It takes 7 GB of disk, some minutes for the packages,
and as long as the tests, one folder after the other; --go-on leaves out those that passed before in
the same place.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TABLE = HERE / "results" / "floors.csv"
TOOLS = (
    *("pytest", "hypothesis", "beartype", "httpx", "playwright", "scikit-learn", "captum"),
    *("crepes", "keras", "pandas", "openvino", "pi-heif", "pyyaml"),
)
# Browsers do not meet these packages; schemathesis wants a newer rich; jobs need another extra.
LEFT_OUT = ("test_schema.py", "test_page*.py", "test_web.py", "test_*_js.py", "test_job.py")


class Stage(NamedTuple):
    """Tests, and the groups of requirements ("" is the light install) whose floors they try."""

    groups: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: tuple[str, ...] = LEFT_OUT


# What each floor is for, not every test: all of them take an hour, these ten minutes.
LIGHT = (
    *("tests/test_images.py", "tests/test_preprocessing.py", "tests/test_overlay.py"),
    *("tests/test_files.py", "tests/test_progress.py", "tests/bundle", "tests/identify"),
    *("tests/calibration", "tests/cli/test_identify.py", "tests/cli/test_console.py"),
)
TRAIN = (
    *("tests/nets", "tests/export", "tests/features/test_embedding.py"),
    *("tests/training/test_recipes.py", "tests/training/test_probe.py"),
    *("tests/training/test_batches.py", "tests/training/test_student.py"),
    *("tests/evaluation", "tests/report", "tests/explanation/test_sharp.py"),
    "tests/explanation/test_contract.py::test_works_on_a_compiled_network",
    "tests/cli/test_doctor.py::test_a_model_without_photos",
)
STAGES = (
    Stage(("", "train"), (*LIGHT, *TRAIN)),
    Stage(("serve",), ("tests/app", "tests/cli/test_serve.py")),
)


class Asked(NamedTuple):
    """A requirement of a group."""

    group: str
    name: str
    text: str


def requirements() -> Iterator[Asked]:
    """Yield what pyproject.toml asks for, the light install first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    groups = {"": project["dependencies"], "train": extras["train"], "serve": extras["serve"]}
    for group, texts in groups.items():
        for text in texts:
            yield Asked(group, re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0], text)


def wanted(asked: Sequence[Asked], stage: Stage) -> list[str]:
    """Return a stage's requirements, and those of packages that it does not ask for."""
    own = [one for one in asked if one.group in stage.groups]
    names = {one.name for one in own}
    return [one.text for one in (*own, *(other for other in asked if other.name not in names))]


def make_environment(place: Path, python: str) -> Path:
    """Make an empty environment; return its interpreter."""
    uv("venv", "--quiet", "--clear", "--python", python, str(place / "env"))
    return place / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(interpreter: Path, place: Path, texts: Sequence[str], python: str) -> None:
    """Install packages at their lowest versions, and tools at any."""
    asked, lowest = place / "asked.txt", place / "lowest.txt"
    asked.write_text("\n".join(texts) + "\n", encoding="utf-8")
    lowest_direct = ("--resolution", "lowest-direct", "--python-version", python)
    uv("pip", "compile", "--quiet", *lowest_direct, str(asked), "--output-file", str(lowest))
    given = ("--constraint", str(lowest), "--requirement", str(asked))
    uv("pip", "install", "--python", str(interpreter), *given, *TOOLS)
    uv("pip", "install", "--python", str(interpreter), "--no-deps", "--editable", str(ROOT))


def uv(*arguments: str) -> None:
    """Run uv."""
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True)  # noqa: S603


def passes(interpreter: Path, tests: str, left_out: Sequence[str]) -> bool:
    """Run the tests of a file or folder; old packages may warn."""
    ignored = [f"--ignore-glob=*/{name}" for name in left_out]
    options = ("-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", *ignored)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [str(interpreter), "-m", "pytest", *options, tests]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False)  # noqa: S603
    return ended.returncode == 0


def try_all(interpreter: Path, stage: Stage, passed: Path) -> None:
    """Run a stage's tests, but those that a file lists, and list there what passes."""
    before = passed.read_text(encoding="utf-8").splitlines() if passed.is_file() else []
    for tests in stage.tests:
        if tests in before:
            continue
        if not passes(interpreter, tests, stage.left_out):
            raise SystemExit(f"{tests} fail at the floors: raise one, or mend what needs more.")
        with passed.open("a", encoding="utf-8") as file:
            file.write(f"{tests}\n")


def installed(interpreter: Path, packages: Sequence[str]) -> list[str]:
    """Return the versions of packages in an environment."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(interpreter), "-c", code, *packages]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return ended.stdout.split()


def write(rows: Sequence[Sequence[str]]) -> None:
    """Write the table."""
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("package", "extra", "passed", "python", "date"))
        table.writerows(rows)


def main() -> None:
    """Test stage by stage, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--place", type=Path, default=ROOT / "build" / "floors")
    parser.add_argument("--go-on", action="store_true")
    given = parser.parse_args()
    given.place.mkdir(parents=True, exist_ok=True)
    passed = given.place / "passed.txt"
    if not given.go_on:
        passed.unlink(missing_ok=True)
    asked = list(requirements())
    interpreter = make_environment(given.place, given.python)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    rows = []
    for stage in STAGES:
        install(interpreter, given.place, wanted(asked, stage), given.python)
        try_all(interpreter, stage, passed)
        own = [one for one in asked if one.group in stage.groups]
        versions = installed(interpreter, [one.name for one in own])
        for one, version in zip(own, versions, strict=True):
            rows.append((one.name, one.group, version, given.python, today))
    write(rows)


if __name__ == "__main__":
    main()
