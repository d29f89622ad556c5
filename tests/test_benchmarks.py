"""The scripts of benchmarks/: what they take from florascope is still there."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "benchmarks").rglob("*.py"))


def unresolved(source: str) -> list[str]:
    """Return what a script takes from florascope that is not there, without running the script."""
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        aliases |= _bound(node)
    taken = {*aliases.values(), *(name for node in ast.walk(tree) for name in _used(node, aliases))}
    return sorted(name for name in taken if not _is_there(name))


def _bound(node: ast.AST) -> dict[str, str]:
    """Return the names that an import of florascope binds, with what they stand for."""
    if isinstance(node, ast.ImportFrom) and _is_ours(node.module or ""):
        return {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    if isinstance(node, ast.Import):
        return {one.asname or one.name: one.name for one in node.names if _is_ours(one.name)}
    return {}


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == "florascope"


def _used(node: ast.AST, aliases: dict[str, str]) -> Iterator[str]:
    """Name an attribute of a module; those of classes and objects may be made as they are asked."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        whole = aliases.get(node.value.id)
        if whole is not None and _is_module(whole):
            yield f"{whole}.{node.attr}"


def _is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def _is_there(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return _is_module(name) or (_is_module(module) and hasattr(import_module(module), attribute))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_script_imports_is_there(script: Path) -> None:
    assert unresolved(script.read_text("utf-8")) == []


def test_what_is_gone_is_found() -> None:
    script = (
        "import florascope as fs\nfrom florascope.metrics import softmax, gone\nfs.train\nfs.lost\n"
        "from florascope.nowhere import thing\nfrom florascope.data import dataset\n"
        "dataset.Dataset\ndataset.missing\nimport numpy as np\nnp.gone\n"
    )
    assert unresolved(script) == [
        "florascope.data.dataset.missing",
        "florascope.lost",
        "florascope.metrics.gone",
        "florascope.nowhere.thing",
    ]
