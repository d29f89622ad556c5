"""The house: how many rooms, how large, and that imports run one way."""

import builtins
import dis
import logging
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest

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


def test_every_folder_has_its_layer() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    folders = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").is_file()}
    assert folders <= named


def test_rooms_are_neither_drawers_nor_slips_of_paper() -> None:
    lengths = sorted(len(p.read_text("utf-8").splitlines()) for p in MODULES)
    assert len(lengths) <= 221
    assert lengths[len(lengths) // 2] >= 100
    assert lengths[-1] <= 420
