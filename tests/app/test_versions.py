"""Packages with known holes are named, with the versions that the extra `serve` asks for."""

import tomllib
from pathlib import Path

import pytest

from florascope.app import versions
from florascope.app.versions import SAFE, Outdated, outdated

ROOT = Path(__file__).parents[2]


def test_they_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"]["serve"]
    assert {f"{package}>={version}" for package, version in SAFE.items()} <= set(listed)


def test_security_names_their_holes() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for package, version in SAFE.items():
        assert f"| {package} | {version} |" in page


@pytest.mark.parametrize(
    ("found", "old"),
    [("12.3.0", True), ("9.5", True), ("13.0.0rc1", True), ("13.0", False), ("13.0.0", False)],
)
def test_versions_are_compared_as_numbers(
    monkeypatch: pytest.MonkeyPatch, found: str, *, old: bool
) -> None:
    monkeypatch.setattr(versions, "version", {"pillow": found}.__getitem__)
    told = outdated({"pillow": "13.0"})
    assert told == ((Outdated("pillow", found, "13.0"),) if old else ())


def test_here_all_are_new_enough() -> None:
    assert outdated() == ()
