"""The house: how many rooms, how large, and that imports run one way."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "florascope"
MODULES = [p for p in SOURCE.rglob("*.py") if p.name not in {"__init__.py", "__main__.py"}]


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    from importlinter.cli import lint_imports

    assert lint_imports(no_cache=True) == 0


def test_every_folder_has_its_layer() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    folders = {p.name for p in SOURCE.iterdir() if (p / "__init__.py").is_file()}
    assert folders <= named


def test_rooms_are_neither_drawers_nor_slips_of_paper() -> None:
    lengths = sorted(len(p.read_text("utf-8").splitlines()) for p in MODULES)
    assert len(lengths) <= 215
    assert lengths[len(lengths) // 2] >= 100
    assert lengths[-1] <= 420
