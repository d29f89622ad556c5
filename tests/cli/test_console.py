"""Commands in the light install, where a package of an extra cannot be imported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from florascope.cli.console import EXTRAS, missing_extra

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
    ended = without("torch,timm,onnx,safetensors", "export", SHIPPED, *given)
    assert ended.returncode == 1
    assert "npm pack onnxruntime-web@" in ended.stderr


def test_other_commands_say_it_too() -> None:
    ended = without("torch", "evaluate", SHIPPED, "garden", "--json")
    assert ended.returncode == 1
    told = json.loads(ended.stdout)["error"]
    assert told["fix"] == "Install it with: pip install 'florascope[train]'"


def test_a_module_of_no_extra_is_a_failure_of_ours() -> None:
    assert missing_extra(ModuleNotFoundError("no", name="florascope.gone")) is None
    assert missing_extra(ModuleNotFoundError("no")) is None


@pytest.mark.parametrize("extra", list(EXTRAS))
def test_every_package_of_an_extra_is_known(extra: str) -> None:
    listed = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"][extra]
    packages = [text.partition(">")[0] for text in listed]
    assert {MODULES.get(p, p) for p in packages} <= set(EXTRAS[extra])
