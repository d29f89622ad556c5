"""florascope recipes: what it lists is what training takes."""

from dataclasses import MISSING, fields

import pytest
from tests.cli.conftest import Run

from florascope.training.recipes import RECIPES, make_recipe


def test_every_recipe_is_listed(run: Run) -> None:
    told = run("recipes", "--json").json["recipes"]
    assert [one["recipe"] for one in told] == ["class-report", "probe", "finetune"]
    assert told[1]["about"].startswith("A linear probe: frozen features")
    text = run("recipes").out
    assert all(f"{one['recipe']}: {one['about']}" in text for one in told)


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_is_told_and_its_default_can_be_typed(run: Run, name: str) -> None:
    settings = run("recipes", name, "--json").json["settings"]
    defaults = {f.name: f.default for f in fields(RECIPES[name]) if f.default is not MISSING}
    assert {s["name"]: s["default"] for s in settings} == defaults
    typed = {s["name"]: str(s["default"]) for s in settings if s["default"] is not None}
    assert make_recipe(name, **typed) == RECIPES[name]()


def test_a_setting_has_its_range_default_and_meaning(run: Run) -> None:
    text = run("recipes", "finetune").out
    assert "\n  layer_decay=0.85  (float, above 0 and up to 1)\n      factor of the" in text
    assert "\n  precision=auto  (auto, 32, bf16, 16)\n" in text
    assert "\n  flip=true  (bool)\n" in text


def test_an_unknown_recipe(run: Run) -> None:
    ended = run("recipes", "probes", "--json")
    assert ended.code == 1
    assert ended.json["error"]["expected"] == "one of class-report, probe, finetune"
