"""florascope train, and the recipes that it takes."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.conftest import TRAIN, Run, Training, typed
from tests.support.surroundings import claimer

from florascope.errors import FlorascopeError
from florascope.training.recipes import RECIPES, make_recipe


def test_the_run_folder_holds_all_four_parts(trained: Path) -> None:
    assert sorted(p.name for p in trained.iterdir()) == [
        "bundle",
        "history.csv",
        "metrics.json",
        "report.html",
    ]
    assert sorted(p.name for p in (trained / "bundle").iterdir()) == [
        "README.md",
        "config.json",
        "model.onnx",
        "model.safetensors",
        "photos.json",
        "photos.safetensors",
    ]


def test_class_ids_are_those_of_the_source_in_numeric_order(trained: Path) -> None:
    config = json.loads((trained / "bundle" / "config.json").read_text())
    assert config["label_names"] == ["1", "2", "10"]


def test_history_has_a_row_an_iteration(trained: Path) -> None:
    rows = list(csv.DictReader((trained / "history.csv").read_text().splitlines()))
    assert [int(row["iteration"]) for row in rows] == list(range(1, len(rows) + 1))
    assert set(rows[0]) == {"iteration", "train_loss", "train_top1", "val_loss", "val_top1"}


@pytest.fixture(scope="module")
def unreported(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Training:
    """The shared run again, without a report and told in words."""
    out = tmp_path_factory.mktemp("again") / "run"
    return Training(out, typed("train", photos, *TRAIN, "--out", out, "--no-report"))


def test_json_and_the_same_seed_twice(training: Training, unreported: Training) -> None:
    first = training.ended.json
    second = json.loads((unreported.out / "metrics.json").read_text())
    assert first["schema"] == "florascope/1"
    for subset in ("train", "val", "test"):
        assert set(first[subset]) == {"n", "top1", "top1_interval", "top5", "mean_class", "loss"}
        assert first[subset] == second[subset]
    assert first["seconds"] > 0


def test_the_doctor_speaks_on_stderr_and_is_in_json_metrics_and_report(training: Training) -> None:
    out, ended = training
    (tiny,) = [f for f in ended.json["findings"] if f["cause"] == "split is tiny"]
    assert " train photos (" in tiny["found"]
    assert "error: split is tiny (90% sure, split.tiny)\n  found: " in ended.err
    assert ended.err.count("split is tiny") == 1
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["findings"] == ended.json["findings"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "What the doctor found" in page
    assert "Split is tiny" in page


def test_without_a_report(unreported: Training) -> None:
    out, ended = unreported
    assert sorted(p.name for p in out.iterdir()) == ["bundle", "history.csv", "metrics.json"]
    assert "Bundle: " in ended.out
    assert "Report: " not in ended.out


def test_the_figures_are_said_before_the_report_is_made(
    run: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise FlorascopeError("no report today")

    monkeypatch.setattr("florascope.report.page.report_html", fail)
    ended = run("train", photos, *TRAIN, "--out", tmp_path / "run")
    assert ended.code == 1
    assert "no report today" in ended.err
    assert "mean per class" in ended.out
    assert (tmp_path / "run" / "bundle" / "model.onnx").is_file()


def test_a_report_that_cannot_be_made_loses_no_run(photos: Path, tmp_path: Path) -> None:
    """In a process of its own, with a package of the report that breaks when it is imported."""
    stub = tmp_path / "stub" / "matplotlib"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("raise ImportError('broken here')")
    path = os.pathsep.join([str(tmp_path / "stub"), *sys.path])
    out = tmp_path / "run"
    command = [sys.executable, "-m", "florascope", "train", str(photos), *TRAIN, "--out", str(out)]
    ended = subprocess.run(
        [*command, "--json"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    told = json.loads(ended.stdout)["error"]
    assert told["found"] == "the report could not be made: ImportError('broken here')"
    assert told["fix"] == f"The run in {out} is whole without it; --no-report leaves it out"
    assert sorted(p.name for p in out.iterdir()) == ["bundle", "history.csv", "metrics.json"]


def test_wrong_facts_are_said_before_any_training(run: Any, photos: Path, tmp_path: Path) -> None:
    data = shutil.copytree(photos, tmp_path / "photos")
    (data / "facts.csv").write_text("class_id,group\nrose,x\n")
    ended = run("train", data, *TRAIN, "--out", tmp_path / "run")
    assert ended.code == 1
    assert "facts.csv, line 2: no class 'rose'" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_broken_photo_is_named_and_skipped(training: Training) -> None:
    assert training.ended.json["skipped"] == 1
    assert "broken.jpg is damaged or cut short" in training.ended.err


def test_a_broken_photo_is_fatal_when_strict(run: Any, photos: Path, tmp_path: Path) -> None:
    ended = run("train", photos, *TRAIN, "--out", tmp_path / "run", "--strict")
    assert ended.code == 1
    assert "broken.jpg" in ended.err
    assert "leave out --strict" in ended.err
    assert not (tmp_path / "run").exists()


def test_an_out_with_other_files_is_refused_before_any_work(
    run: Any, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    ended = run("train", photos, "--out", tmp_path)
    assert ended.code == 1
    assert "holds other files and no earlier run" in ended.err
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.skipif(sys.platform != "linux", reason="writers are known by Linux's /proc")
def test_two_trainings_do_not_write_one_folder(run: Any, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with claimer(out) as other:
        ended = run("train", photos, *TRAIN, "--out", out, "--json")
    assert ended.code == 1
    assert ended.json["error"]["found"] == f"process {other.pid} is writing {out} just now"
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--recipe", "magic"),
            "no recipe 'magic'. expected one of class-report, probe, finetune.",
        ),
        (("--set", "epochs=3"), "recipe probe has no setting 'epochs'"),
        (("--set", "l2=big"), "l2=big. expected a value of type float."),
        (("--backbone", "nonsense"), "timm has no backbone 'nonsense'"),
        (("--weights", "nowhere.safetensors"), "no weights at nowhere.safetensors"),
        (("--split", "official"), "has no split 'official'"),
    ],
)
def test_bad_values_end_in_one_line(
    run: Any, photos: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = run("train", photos, *arguments, "--out", tmp_path / "run")
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_precision_that_is_slow_here_needs_force(
    run: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    recipe = ("--recipe", "finetune", "--set", "precision=bf16", "--split", "official")
    asked = ("train", photos, *recipe, "--out", tmp_path / "run")
    refused, forced = run(*asked), run(*asked, "--force")
    assert "this CPU does not multiply bfloat16" in refused.err
    assert "insist with --force" in refused.err
    assert "has no split 'official'" in forced.err  # what comes after it


def test_a_setting_without_a_value_is_wrong_usage(run: Any, photos: Path, tmp_path: Path) -> None:
    ended = run("train", photos, "--set", "epochs", "--out", tmp_path / "run")
    assert ended.code == 2
    assert "expected NAME=VALUE" in ended.err


def test_missing_data_says_what_to_type(run: Any, tmp_path: Path) -> None:
    ended = run("train", tmp_path / "nothing", "--out", tmp_path / "run", "--json")
    assert ended.code == 1
    assert ended.json["error"]["found"].endswith("is no file or folder")
    assert "florascope train garden" in ended.json["error"]["fix"]


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
