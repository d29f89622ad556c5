"""Commands in the light install, where a package of an extra cannot be imported."""

import io
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from florascope.cli.console import (
    EXTRAS,
    JsonList,
    ToldError,
    can_print,
    missing_extra,
    print_table,
)
from florascope.errors import FlorascopeError

SHIPPED = "flowers102-mobilenetv2"
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
MODULES = {"lightning-fabric": "lightning", "protobuf": "google"}
PROGRAM = """
import sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None  # whoever imports it finds that it is not installed
from florascope.cli.main import main
main()
"""


def without(packages: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, in which some packages cannot be imported."""
    command = [sys.executable, "-c", PROGRAM, packages, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("form", "package"),
    [("onnx", "onnx"), ("int8", "onnx"), ("timm", "timm"), ("timm", "torch")],
)
def test_an_export_says_what_to_install(tmp_path: Path, form: str, package: str) -> None:
    data = ("--data", "garden") if form == "int8" else ()
    given = ("--to", form, "--out", tmp_path / "out", *data)
    ended = without(package, "export", SHIPPED, *given)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line == (
        f"Error: the package {package} is not installed, which this command needs."
        " expected florascope with its extra 'train'."
        " Install it with: pip install 'florascope[train]'."
    )
    assert not (tmp_path / "out").exists()


def test_the_browser_edition_needs_none_of_it(tmp_path: Path) -> None:
    """It goes as far as to ONNX Runtime Web's package, which is a wrong one here."""
    (tmp_path / "other.tgz").write_bytes(b"something else")
    given = ("--to", "web", "--runtime", tmp_path / "other.tgz", "--out", tmp_path / "out")
    ended = without(
        "torch,timm,onnx,safetensors,fastapi,starlette,pydantic", "export", SHIPPED, *given
    )
    assert ended.returncode == 1
    assert "npm pack onnxruntime-web@" in ended.stderr


def test_other_commands_say_it_too() -> None:
    ended = without("torch", "evaluate", SHIPPED, "garden", "--json")
    assert ended.returncode == 1
    told = json.loads(ended.stdout)["error"]
    assert told["fix"] == "Install it with: pip install 'florascope[train]'"


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client", "packaging"])
def test_the_server_says_what_to_install(package: str) -> None:
    ended = without(package, "serve", "--port", "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.endswith("Install it with: pip install 'florascope[serve]'.")


def test_photos_are_identified_without_the_servers_packages() -> None:
    photo = PYPROJECT.parent / "src/florascope/app/static/samples/1.webp"
    ended = without(",".join(EXTRAS["serve"]), "identify", photo, "--json")
    assert ended.returncode in {0, 3}, ended.stderr
    assert len(json.loads(ended.stdout)["results"]) == 1


def test_a_module_of_no_extra_is_a_failure_of_ours() -> None:
    assert missing_extra(ModuleNotFoundError("no", name="florascope.gone")) is None
    assert missing_extra(ModuleNotFoundError("no")) is None


@pytest.mark.parametrize("extra", list(EXTRAS))
def test_every_package_of_an_extra_is_known(extra: str) -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    packages = names(project["optional-dependencies"][extra]) - names(project["dependencies"])
    assert {MODULES.get(p, p).replace("-", "_") for p in packages} <= set(EXTRAS[extra])


def names(requirements: list[str]) -> set[str]:
    return {text.partition(">")[0].partition("[")[0] for text in requirements}


def test_a_list_is_one_object(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with JsonList("results") as listed:
        listed({"name": "rosée 玫瑰"})
        listed({"name": "caf\udce9"})
        listed.more["ignored"] = {".txt": 1}
    told = json.loads(capfdbinary.readouterr().out.decode("utf-8"))
    assert told == {
        "schema": "florascope/1",
        "results": [{"name": "rosée 玫瑰"}, {"name": r"caf\xe9"}],
        "ignored": {".txt": 1},
    }


def test_an_empty_list_is_one_object(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with JsonList("results"):
        pass
    told = json.loads(capfdbinary.readouterr().out)
    assert told == {"schema": "florascope/1", "results": []}


def test_an_error_in_the_midst_is_in_the_same_object(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    def fill() -> None:
        with JsonList("results") as listed:
            listed({"n": 1})
            raise FlorascopeError("disk full", fix="Free some")

    with pytest.raises(ToldError, match="disk full"):
        fill()
    told = json.loads(capfdbinary.readouterr().out)
    assert told["results"] == [{"n": 1}]
    assert told["error"]["fix"] == "Free some"


def test_an_error_before_the_first_item_is_left_to_others(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    with pytest.raises(FlorascopeError) as raised, JsonList("results"):
        raise FlorascopeError("nothing there")
    assert not isinstance(raised.value, ToldError)
    assert capfdbinary.readouterr().out == b""


NAMES = ("petunia [red form]", "[/red]", ":rose:", "玫瑰", "n" * 60)
FIGURES = ("1,234", "93.33 %", "0.0123")


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_no_figure_and_no_name_is_cut(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(("class", "photos", "top-1", "loss"), [(n, *FIGURES) for n in NAMES], "[b] Title")
    lines = capsys.readouterr().out.splitlines()
    text = "\n".join(lines)
    assert "[b] Title" in text
    assert "…" not in text
    for figure in FIGURES:
        assert text.count(figure) == len(NAMES)
    letters = "".join(re.sub(r"[\s│|]", "", line) for line in lines)
    if columns >= 40:  # grid: a long name goes over several lines beside its figures
        assert letters.count("n") >= 60
    assert all(name in text for name in ("[/red]", ":rose:", "玫瑰"))


def test_into_a_file_a_table_is_as_wide_as_it_needs_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(("class", "photos"), [("n" * 300, "1")])
    assert "n" * 300 in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "utf-16", "utf-8"])
def test_any_console_gets_the_same_json_and_no_traceback(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "florascope", "identify", "玫瑰🌹 [red].jpg"]
    text, told = (
        subprocess.run([*command, *more], capture_output=True, env=environment, check=False)
        for more in ((), ("--json",))
    )
    assert text.returncode == told.returncode == 1
    assert b"Traceback" not in text.stderr + told.stderr
    assert b"[red].jpg" in text.stderr.replace(b"\0", b"")
    assert "玫瑰🌹 [red].jpg" in json.loads(told.stdout.decode("utf-8"))["error"]["message"]


@pytest.mark.parametrize(
    "arguments", [("identify",), ("train", "x"), ("evaluate", "a", "b", "--no-such")]
)
def test_wrong_use_is_one_object_too(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "florascope", *arguments, "--json"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 2
    told = json.loads(ended.stdout)["error"]
    assert told["message"].startswith(told["found"])
    assert told["fix"].endswith(" --help")
    assert b"Usage:" in ended.stderr


def test_what_an_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, has in (("cp1252", False), ("ascii", False), ("utf-8", True)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert can_print("█") == has
