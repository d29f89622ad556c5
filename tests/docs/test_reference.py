"""The reference names what there is: no variable, field, setting or error is missing."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from docs.generated import colab_link, commands, error_table, raised, settings, site_link

from florascope.cli.main import cli
from florascope.training.recipes import RECIPES
from florascope.training.settings import settings_of

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_environment_variable_is_in_the_table() -> None:
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py")]
    code = "".join(sources) + (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    read = {name for source in sources if "env" in source for name in variables(source)}
    assert {"FLORASCOPE_ENGINE", "NO_COLOR", "KERAS_BACKEND"} <= read
    own = set(re.findall(r"FLORASCOPE_[A-Z]+", code))
    told = set(re.findall(r"^\| (.+?) \|", page, re.MULTILINE))
    named = set(re.findall(r"`([A-Z0-9_]+)`", " ".join(told)))
    assert read | own <= named
    assert own == {name for name in named if name.startswith("FLORASCOPE_")}


def variables(source: str) -> Iterator[str]:
    """Name the environment variables that a module reads or sets, also through its constants."""
    tree = ast.parse(source)
    constants = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    for key in filter(None, map(_asked, ast.walk(tree))):
        yield constants[key.id] if isinstance(key, ast.Name) else ast.literal_eval(key)


def _asked(node: ast.AST) -> ast.expr | None:
    """The key with which a node asks the environment; None where it asks for nothing."""
    match node:
        case ast.Subscript(value=place, slice=key) if _is_environ(place):
            return key
        case ast.Call(func=ast.Attribute(value=place), args=[key, *_]) if _is_environ(place):
            return key
        case ast.Call(func=ast.Attribute(attr="getenv"), args=[key, *_]):
            return key
        case ast.Compare(left=key, comparators=[place]) if _is_environ(place):
            return key
    return None


def _is_environ(node: ast.expr) -> bool:
    return ast.unparse(node) in {"os.environ", "environ"}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('os.environ["A_B"]', "A_B"),
        ('os.environ.get("A_B", "x")', "A_B"),
        ('environ.pop("A_B")', "A_B"),
        ('os.getenv("A_B")', "A_B"),
        ('"A_B" not in os.environ', "A_B"),
        ("os.environ.get(KEY)", "C_D"),
    ],
)
def test_however_a_variable_is_asked_for(line: str, name: str) -> None:
    assert list(variables(f'KEY = "C_D"\n{line}')) == [name]


def test_every_setting_is_in_the_table() -> None:
    page = settings()
    for recipe in RECIPES.values():
        for setting in settings_of(recipe):
            rows = [row for row in page.splitlines() if row.startswith(f"| `{setting.name}` | ")]
            assert any(f" | `{setting.default}` | {setting.kind} | " in row for row in rows)
    assert "passes over the training photos at the most | `12` | int | above 0 |" in page


def test_every_command_is_there_with_its_options() -> None:
    page = commands()
    assert set(re.findall(r"^## florascope (\w+)", page, re.MULTILINE)) == set(cli.members())
    assert "--recipe TEXT" in page
    assert "## florascope data inspect" in page


def test_errors_are_read_from_where_they_are_made() -> None:
    row = ("DataError", "subset {subset}", "one of {', '.join(SUBSETS)}", "")
    found, page = set(raised()), error_table()
    assert row in found
    assert {kind for kind, *_ in found} == set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert "## UnreachableError" in page  # a class of the cluster's own
    assert "| subset {subset} | one of {', '.join(SUBSETS)} |  |" in page


RETOLD = {"told", "_too_large(self._limits.max_bytes).detail"}
"""What another place has put into words already; a system's own error is in English anyway."""


def test_every_error_says_what_would_be_right_or_what_to_do() -> None:
    bare = {found for _, found, expected, fix in raised() if not (expected or fix)}
    assert bare - RETOLD == {"{error.filename or 'input or output'}: {error.strerror or error}"}


@pytest.mark.parametrize(
    ("target", "page", "link"),
    [
        (
            "../benchmarks/doctor/results/health.md",
            "results.md",
            "benchmarks/doctor/results/health.md",
        ),
        ("../../benchmarks/x/results.md", "howto/a.md", "../benchmarks/x/results.md"),
        ("docs/api.md", "SECURITY.md", "api.md"),
        ("../results.md", "howto/own-photos.md", "../results.md"),
        ("app/unsure.png", "index.md", "app/unsure.png"),
    ],
)
def test_links_lead_to_the_same_text_in_the_site(target: str, page: str, link: str) -> None:
    assert site_link(target, page) == link


def test_notebooks_lead_to_colab_once_the_repository_is_known() -> None:
    page = "notebooks/own-folder.ipynb"
    assert colab_link(None, page) == ""
    assert (ROOT / "docs" / page).is_file()
    aim = "https://colab.research.google.com/github/someone/florascope/blob/main/docs/"
    assert f'href="{aim}{page}"' in colab_link("someone/florascope", page)


def documented() -> dict[str, list[str]]:
    """Every field of each section of json.md, with * for any name."""
    sections = (REFERENCE / "json.md").read_text(encoding="utf-8").split("\n## ")[1:]
    rows = {s.partition("\n")[0]: re.findall(r"^\| (`.+?) \|", s, re.MULTILINE) for s in sections}
    return {title: re.findall(r"`([^`]+)`", " ".join(found)) for title, found in rows.items()}


def fields(value: Any, place: str = "") -> Iterator[str]:
    """Name every field of a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        yield from {f for item in value for f in fields(item, f"{place}[]")} or [f"{place}[]"]
    else:
        yield place


def matches(field: str, pattern: str) -> bool:
    return fnmatchcase(field.replace("[]", "@"), pattern.replace("[]", "@"))


def check(value: dict[str, Any], title: str, absent: str = "") -> None:
    """Every field stands in the section; every row but the absent ones is met in the value."""
    found, patterns = set(fields(value)) - {"schema"}, documented()[title]
    assert [f for f in found if not any(matches(f, p) for p in patterns)] == []
    unseen = {p for p in patterns if not any(matches(f, p) for f in found)}
    assert unseen <= set(absent.split())


TRAIN = ("--backbone", "test_resnet", "--weights", "random", "--split", "80-10-10")


def test_every_field_of_every_answer_is_on_the_page(
    folder: Path, run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*arguments: str) -> dict[str, Any]:
        run_command(*arguments, "--json")
        value: dict[str, Any] = json.loads(capsys.readouterr().out)
        return value

    (folder / "photos" / "rose" / "notes.txt").write_text("no photo", encoding="utf-8")
    trained = ask("train", "photos", *TRAIN, "--out", "run", "--no-report")
    kept = json.loads((folder / "run" / "metrics.json").read_text(encoding="utf-8"))
    bundle = json.loads((folder / "run" / "bundle" / "config.json").read_text(encoding="utf-8"))
    names = {s.name for s in settings_of(RECIPES["probe"])}
    assert names <= set(trained)
    check({k: v for k, v in trained.items() if k not in names}, "florascope train")
    assert set(kept) == set(trained) - {"schema", "files"} | {"source"}
    check(bundle, "config.json of a bundle", "florascope.calibration.familiarity.*")
    check(ask("recipes"), "florascope recipes")
    check(ask("recipes", "probe"), "florascope recipes NAME")
    check(ask("evaluate", "run", "photos", "--split", "80-10-10"), "florascope evaluate")
    suggested = ask("suggest", "run", "photos")
    absent = {f"review[].{name}" for name in ("photo", "label", "looks_like", "margin")}
    absent |= {"review[]", "unreadable[]"}
    check(suggested, "florascope suggest", " ".join(absent))
    explained = ask("explain", "run", "new.jpg", "--method", "cam", "--out", "maps")
    check(explained, "florascope explain", "ignored.* results[].left_out")
    audited = ask(
        "audit", "run", "photos", "--method", "cam", "--limit", "2", "--split", "80-10-10"
    )
    check(audited, "florascope audit")
    inspected = ask("data", "inspect", "photos")
    check(inspected, "florascope data inspect", "splits.* leaks.* files.*")
    check(ask("doctor", "run", "--data", "photos", "--quick"), "florascope doctor")
    exported = ask("export", "run", "--to", "onnx", "--out", "graph")
    small = ask("export", "run", "--to", "int8", "--data", "photos", "--out", "small")
    check(exported | small, "florascope export", "bytes")
    check(
        ask("bench", "new.jpg", "--backbone", "test_resnet", "--seconds", "0.01"),
        "florascope bench",
    )
    check(ask("recipes"), "florascope recipes")
    check(ask("recipes", "probe"), "florascope recipes NAME")
    check(ask("evaluate", "run", "nothing"), "Errors")
