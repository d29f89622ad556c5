"""The Dockerfile, line by line; .ci/docker builds it where docker answers."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from florascope.cli.serve import serve as command

ROOT = Path(__file__).parents[2]
PORT = "8000"


class Line(NamedTuple):
    """An instruction of a Dockerfile."""

    word: str
    rest: str


def lines() -> list[Line]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    whole = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [Line(*line.split(" ", 1)) for line in whole.splitlines() if line]


def only(word: str) -> str:
    (found,) = (line.rest for line in lines() if line.word == word)
    return found


def stages() -> list[list[Line]]:
    """The lines of each stage, from its FROM on."""
    starts = [i for i, line in enumerate(lines()) if line.word == "FROM"]
    return [lines()[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


def test_every_stage_begins_with_a_python_that_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for stage in stages():
        image = re.fullmatch(r"python:(3\.\d+)-slim(?: AS (\w+))?", stage[0].rest)
        assert image
        assert f"Programming Language :: Python :: {image[1]}" in project["classifiers"]


def test_what_is_copied_is_there_and_let_through() -> None:
    build, final = stages()
    copied = [name for line in build if line.word == "COPY" for name in line.rest.split()[:-1]]
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sorted(f"!{name}" for name in copied) == sorted(x for x in let_through if x[0] == "!")
    assert all((ROOT / name).exists() for name in copied)
    (carried,) = (line.rest for line in final if line.word == "COPY")
    stage, source, target = carried.split()
    assert build[0].rest.endswith(f" AS {stage.removeprefix('--from=')}")
    assert source == target  # a virtual environment knows where it lies
    assert f"python -m venv {source}" in only("RUN")


def test_what_is_installed_is_what_the_wheel_needs_and_offers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = re.search(r"pip install --no-cache-dir \"\.\[(.+)\]\"$", only("RUN"))
    assert extras
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    assert "train" not in extras[1]
    needed = {project["readme"], *project["license-files"], "pyproject.toml", "src"}
    copied = {name for line in lines() if line.word == "COPY" for name in line.rest.split()[:-1]}
    assert needed <= copied


def test_it_runs_as_a_user_without_a_name_or_rights() -> None:
    *_, final = stages()
    words = [line.word for line in final]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", only("USER"))
    assert {"RUN", "COPY", "ADD"}.isdisjoint(words[words.index("USER") :])


def test_it_writes_only_where_the_documented_command_lets_it() -> None:
    settings = dict(pair.split("=", 1) for pair in shlex.split(only("ENV")))
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--read-only --tmpfs /tmp" in text
    assert "--read-only --tmpfs /tmp" in (ROOT / ".ci" / "docker").read_text(encoding="utf-8")
    assert settings["FLORASCOPE_CACHE"].startswith("/tmp/")
    assert settings["PATH"].startswith("/opt/florascope/bin:")


def test_its_command_is_one_that_the_server_takes() -> None:
    program, name, *options = json.loads(only("ENTRYPOINT"))
    assert (program, name) == ("florascope", "serve")
    given = command.make_context(name, [*options, "--model", "/model"]).params
    assert given["host"] == "0.0.0.0"  # else nothing outside reaches it
    assert str(given["port"]) == only("EXPOSE") == PORT


def test_its_health_check_knows_a_server_from_none(server: str) -> None:
    words = re.search(r"CMD (\[.+\])$", only("HEALTHCHECK"))
    assert words
    python, *rest = json.loads(words[1])
    assert python == "python"
    assert f":{PORT}/" in rest[-1]

    def asked(address: str) -> int:
        code = rest[-1].replace(f"http://127.0.0.1:{PORT}", address)
        ran = [sys.executable, *rest[:-1], code]
        return subprocess.run(ran, stderr=subprocess.DEVNULL, check=False).returncode

    assert asked(server) == 0
    assert asked(f"{server}/nothing") == 1
    assert asked("http://127.0.0.1:9") == 1  # RFC 863's port, at which nobody listens
