"""Messages of the library as options, and that the library itself speaks Python."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.cli.conftest import Run

import florascope
from florascope.cli.main import cli
from florascope.cli.wording import CALLS, PARAMETER, SPAN, Commands, in_options
from florascope.training.recipes import RECIPES

SOURCE = Path(florascope.__file__).parent
NPM = {"--ignore-scripts", "--pack-destination"}  # another program's


def command(path: str) -> click.Command:
    found: click.Command = cli
    for word in path.split():
        assert isinstance(found, Commands)
        found = found.members()[word]
    return found


@pytest.mark.parametrize(
    ("path", "said", "expected"),
    [
        ("train", "Use `size=160`, or another", "Use --set size=160, or another"),
        ("explain", "Use `size=160`, or another", "Use --size 160, or another"),
        ("embed", "Use `size=160`, or another", "Use `size=160`, or another"),
        ("train", "Use `weights='timm'`", "Use --weights timm"),
        ("train", "Try `split='two words'`", "Try --split 'two words'"),
        ("train", "replace it with `overwrite=True`", "replace it with --overwrite"),
        ("train", "leave out `strict` to skip", "leave out --strict to skip"),
        ("train", "another `data_dir`", "another --data-dir"),
        ("audit", "`flower` and `background`", "--flower and --background"),
        ("audit", "Use `method='cam'` or `method='ig'`", "Use --method cam or --method ig"),
        ("train", "the setting `mixup`", "the setting --set mixup"),
        ("data inspect", "no `option` of `this` `x.y()`", "no `option` of `this` `x.y()`"),
        ("train", "`learning_rate=1e-4`", "--set learning_rate=0.0001"),
        (
            "serve",
            "Train: `florascope.load('garden')`",
            "Train: florascope train garden --out runs/garden",
        ),
    ],
)
def test_parameters_become_the_options_of_the_command(path: str, said: str, expected: str) -> None:
    assert in_options(said, command(path)) == expected


@pytest.mark.parametrize("code", [c for c in CALLS if c.startswith("florascope.")])
def test_each_call_is_public_and_its_command_can_be_typed(code: str) -> None:
    tree = ast.parse(code)
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert names & set(florascope.__all__)
    program, name, *words = shlex.split(CALLS[code])
    assert program == "florascope"
    command(name).make_context(name, words)  # refuses options that do not exist


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string but docstrings; what an f-string fills in is X."""
    nodes = list(ast.walk(tree))
    inner = {n.value for n in nodes if isinstance(n, ast.Expr)}
    inner |= {part for n in nodes if isinstance(n, ast.JoinedStr) for part in n.values}
    for node in nodes:
        if node in inner:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values]
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def library() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        if place.parts[0] != "cli":
            yield str(place), ast.parse(path.read_text("utf-8"))


def test_the_library_names_no_option_and_no_command() -> None:
    words = re.compile(rf"(?<!\w)--[a-z]|\bflorascope ({'|'.join(cli.members())})\b")
    told = [(place, s) for place, tree in library() for s in strings(tree) if words.search(s)]
    assert [one for one in told if one[1] not in NPM] == []


def test_what_its_errors_name_is_a_parameter_that_can_be_given() -> None:
    options = {name for c in _commands(cli) for p in c.params for name in p.opts}
    settings = {name for kind in RECIPES.values() for name in kind.__dataclass_fields__}
    spans = [
        (place, code)
        for place, tree in library()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Error")
        for text in strings(call)
        for code in SPAN.findall(text)
    ]
    assert len(spans) > 15
    for place, code in spans:
        name = PARAMETER.fullmatch(code)
        known = name and (f"--{name[1].replace('_', '-')}" in options or name[1] in settings)
        assert code in CALLS or known, (place, code)


def _commands(group: Commands) -> Iterator[click.Command]:
    for one in group.members().values():
        yield from _commands(one) if isinstance(one, Commands) else (one,)


def test_an_error_of_the_library_is_told_in_options(run: Run, tmp_path: Path) -> None:
    ended = run("identify", "--model", "nowhere", str(tmp_path / "photo.jpg"), "--json")
    assert ended.code == 1
    told = "Train one: florascope train DATA --recipe probe --out runs/mine"
    assert told in ended.err
    assert told in ended.json["error"]["fix"]
