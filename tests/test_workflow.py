"""The GitHub workflow names files, extras and tests that there are; nobody here can run it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return found


def commands(jobs: dict[str, Any]) -> list[str]:
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


def test_what_it_runs_is_there(jobs: dict[str, Any]) -> None:
    words = [word for command in commands(jobs) for word in command.split()]
    paths = [word for word in words if re.match(r"\.ci/|tests/", word)]
    assert {".ci/run", ".ci/wheel", ".ci/docker"} <= set(paths)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    scripts = {f".ci/{path.name}" for path in (ROOT / ".ci").iterdir()}
    assert scripts <= set(paths)


def test_what_it_installs_is_offered(jobs: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = re.findall(r"pip install .*\"\.\[(.+?)\]\"", "\n".join(commands(jobs)))
    assert extras
    assert {e for some in extras for e in some.split(",")} <= set(project["optional-dependencies"])


def test_three_systems_and_no_more_rights_than_reading(jobs: dict[str, Any]) -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    systems = {system for job in jobs.values() for system in systems_of(job)}
    assert {name.partition("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}


def systems_of(job: dict[str, Any]) -> list[str]:
    if "${{" in job["runs-on"]:
        named: list[str] = job["strategy"]["matrix"]["os"]
        return named
    return [job["runs-on"]]


def test_jobs_that_nobody_has_run_say_so(jobs: dict[str, Any]) -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    assert all(f"  {name}: # never run\n" in text for name in jobs)
