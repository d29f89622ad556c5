"""The table of lowest versions says what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "floors.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GROUPS = {
    "`pip install florascope`": PROJECT["dependencies"],
    "`[train]`": PROJECT["optional-dependencies"]["train"],
    "`[serve]`": PROJECT["optional-dependencies"]["serve"],
}


def rows(title: str) -> dict[str, list[str]]:
    """The cells of a section's table, by package."""
    (section,) = (s for s in PAGE.split("\n## ") if s.startswith(f"{title}\n"))
    cells = [
        line.strip("| ").split(" | ") for line in re.findall(r"^\| [a-z].+", section, re.MULTILINE)
    ]
    return {name: rest for name, *rest in cells if name != "package"}


@pytest.mark.parametrize("title", GROUPS)
def test_floors_are_those_of_the_project(title: str) -> None:
    asked = [Requirement(text) for text in GROUPS[title]]
    floors = {r.name: next(s.version for s in r.specifier if s.operator == ">=") for r in asked}
    assert {name: cells[0] for name, cells in rows(title).items()} == floors


@pytest.mark.parametrize("title", GROUPS)
def test_each_was_tried_at_its_floor(title: str) -> None:
    for name, (floor, why, tried) in rows(title).items():
        assert why, name
        assert Version(floor).release[:2] == Version(tried).release[:2], name
