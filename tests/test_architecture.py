"""The house: how many rooms, how large, and that imports run one way."""

import builtins
import dis
import logging
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest

from florascope.cli.console import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "florascope"
MODULES = [p for p in SOURCE.rglob("*.py") if p.name not in {"__init__.py", "__main__.py"}]


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the linter's command: it silences every logger that this process has made before."""
    monkeypatch.chdir(ROOT)
    from importlinter.application.use_cases import lint_imports
    from importlinter.configuration import configure

    configure()
    logger = logging.getLogger("florascope.architecture")
    assert lint_imports(cache_dir=None)
    assert not logger.disabled


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_every_name_is_defined(path: Path) -> None:
    """What linters cannot tell, since shapes in annotations look like names that nobody defined."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    module = import_module(".".join(parts))
    used = {
        name
        for code in _codes(compile(path.read_text("utf-8"), str(path), "exec"))
        for name in _globals(code)
    }
    assert sorted(used - vars(module).keys() - vars(builtins).keys()) == []


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _codes(part)


def _globals(code: CodeType) -> Iterator[str]:
    return (str(i.argval) for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")


IMPORT_ALL = """
import sys
from importlib import import_module
blocked, *modules = sys.argv[1:]
for name in blocked.split(","):
    sys.modules[name] = None  # whoever imports it finds that it is not installed
for module in modules:
    try:
        import_module(module)
    except ModuleNotFoundError:
        print(module)
"""
WITH_EXTRAS = {
    "serve": ("florascope.app.", "florascope.studio."),
    "keras": ("florascope.keras", "florascope.doctor.keras."),
    "cluster": ("florascope.cluster.",),
}


BROUGHT = {"packaging", "h11"}  # by packages that training needs: Matplotlib, huggingface_hub


def test_training_needs_no_package_of_another_extra() -> None:
    """Nor any of the tests' own tools, which are always there where tests run."""
    others = {m for extra in EXTRAS.keys() - {"train"} for m in EXTRAS[extra]} - BROUGHT
    tools = ("sklearn", "captum", "crepes", "pandas", "hypothesis", "beartype")
    parts = (p.relative_to(SOURCE.parent).with_suffix("").parts for p in MODULES)
    command = [sys.executable, "-c", IMPORT_ALL, ",".join((*others, *tools)), *map(".".join, parts)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    places = tuple(place for some in WITH_EXTRAS.values() for place in some)
    missing = ended.stdout.split()
    assert [name for name in missing if not name.startswith(places)] == []
    assert all(any(name.startswith(some) for name in missing) for some in WITH_EXTRAS.values())


def test_every_folder_has_its_layer() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    folders = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").is_file()}
    assert folders <= named


def test_rooms_are_neither_drawers_nor_slips_of_paper() -> None:
    lengths = sorted(len(p.read_text("utf-8").splitlines()) for p in MODULES)
    assert len(lengths) <= 237
    assert lengths[len(lengths) // 2] >= 100
    assert lengths[-1] <= 420
