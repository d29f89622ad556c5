"""Do the tests pass at the lowest versions that pyproject.toml allows?

    pip install uv
    python benchmarks/installs/floors.py [--python 3.11] [--place build/floors]

Makes an environment in which every package of the light install and of the extras `train` and
`serve` has its lowest version (uv's `lowest-direct`), runs the tests of what these packages do, and
writes results/floors.csv beside this file if all pass; docs/reference/floors.md says
how far they do. It takes 6 GB of disk, some minutes for the packages, and as long as the tests.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTRAS = ("train", "serve")
TOOLS = (
    *("pytest", "hypothesis", "beartype", "httpx", "playwright", "scikit-learn", "captum"),
    *("crepes", "pandas", "openvino", "pi-heif", "pyyaml"),
)
TESTS = (
    *("tests/test_images.py", "tests/test_preprocessing.py", "tests/test_overlay.py"),
    *("tests/test_files.py", "tests/test_progress.py", "tests/bundle", "tests/identify"),
    *("tests/calibration", "tests/nets", "tests/export", "tests/features", "tests/training"),
    *("tests/report", "tests/cli", "tests/evaluation", "tests/explanation", "tests/audit"),
    "tests/app",
)
# Browsers do not meet these packages; schemathesis wants a newer rich; versions.py a newer Pillow.
LEFT_OUT = (
    *("test_schema.py", "test_page*.py", "test_versions.py", "test_serve.py", "test_web.py"),
    "test_*_js.py",
)
NAME = re.compile(r"[A-Za-z0-9_.-]+")


def requirements() -> dict[str, tuple[str, str]]:
    """Return extra ("" for the light install) and requirement by package, the light ones first.

    A package of the light install that an extra asks for anew keeps the light install's floor.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"]}
    groups |= {extra: project["optional-dependencies"][extra] for extra in EXTRAS}
    found: dict[str, tuple[str, str]] = {}
    for extra, group in groups.items():
        for text in group:
            name = NAME.match(text)
            assert name is not None, text
            found.setdefault(name[0], (extra, text))
    return found


def make_environment(place: Path, python: str, wanted: Sequence[str]) -> Path:
    """Install packages at their lowest versions, tools at any; return the interpreter."""
    place.mkdir(parents=True, exist_ok=True)
    asked, lowest = place / "asked.txt", place / "lowest.txt"
    asked.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    lowest_direct = ("--resolution", "lowest-direct", "--python-version", python)
    uv("pip", "compile", "--quiet", *lowest_direct, str(asked), "--output-file", str(lowest))
    uv("venv", "--quiet", "--clear", "--python", python, str(place / "env"))
    binary = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    interpreter = place / "env" / binary
    given = ("--constraint", str(lowest), "--requirement", str(asked))
    uv("pip", "install", "--python", str(interpreter), *given, *TOOLS)
    uv("pip", "install", "--python", str(interpreter), "--no-deps", "--editable", str(ROOT))
    return interpreter


def uv(*arguments: str) -> None:
    """Run uv."""
    subprocess.run([sys.executable, "-m", "uv", *arguments], check=True)  # noqa: S603


def passes(interpreter: Path) -> bool:
    """Run the tests; old packages may warn."""
    left_out = [f"--ignore-glob=*/{name}" for name in LEFT_OUT]
    options = ("-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default", *left_out)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [str(interpreter), "-m", "pytest", *options, *TESTS]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False)  # noqa: S603
    return ended.returncode == 0


def installed(interpreter: Path, packages: Sequence[str]) -> list[str]:
    """Return the versions of packages in an environment."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(interpreter), "-c", code, *packages]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return ended.stdout.split()


def main() -> None:
    """Make the environment, test, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--place", type=Path, default=ROOT / "build" / "floors")
    given = parser.parse_args()
    wanted = requirements()
    interpreter = make_environment(given.place, given.python, [text for _, text in wanted.values()])
    if not passes(interpreter):
        raise SystemExit("Some tests fail at the floors: raise one, or mend what needs more.")
    versions = installed(interpreter, list(wanted))
    (HERE / "results").mkdir(exist_ok=True)
    with (HERE / "results" / "floors.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("package", "extra", "passed", "python"))
        for (name, (extra, _)), version in zip(wanted.items(), versions, strict=True):
            table.writerow((name, extra, version, given.python))


if __name__ == "__main__":
    main()
