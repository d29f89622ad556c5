"""The folder of a run: what is in it, and that nothing is lost."""

import csv
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.painted import painted_dataset, planted_split

from florascope import run_folder
from florascope.calibration.fitting import calibrate
from florascope.calibration.similarity import similarities
from florascope.data.dataset import ClassName
from florascope.errors import DataError, FlorascopeError
from florascope.identify.identifier import Identifier
from florascope.nets.saving import load_classifier
from florascope.run_folder import check_out, model_card, write_run
from florascope.training.experiment import Experiment, train
from florascope.training.recipes import make_recipe

pytestmark = pytest.mark.usefixtures("module_cache")

PROBE = make_recipe("probe", backbone="test_resnet", weights="random")


@pytest.fixture(scope="module")
def experiment(module_cache: Path) -> Experiment:
    dataset, split = painted_dataset(), planted_split()
    dataset.photos[int(split.train[0])].broken = True  # type: ignore[attr-defined]
    return train(dataset, split, PROBE)


def table(card: str, heading: str) -> list[list[str]]:
    """The rows under a heading, without the line below the header."""
    lines = card.split(f"## {heading}\n\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [rows[0], *rows[2:]]


def test_the_card_says_what_it_is_and_is_not(experiment: Experiment) -> None:
    card = model_card(experiment)
    assert card.startswith("# Image classifier for painted\n")
    assert "Answers with one of 3 classes. Backbone test_resnet, linear head." in card
    assert "Do not use it to decide whether a plant is safe to touch or eat." in card
    assert card.endswith("|\n")


def test_the_figures_are_the_experiments(experiment: Experiment) -> None:
    header, *rows = table(model_card(experiment), "Figures")
    assert header == ["photos", "n", "top-1", "top-5", "mean per class", "loss"]
    assert [row[0] for row in rows] == ["train", "val", "test"]
    for row in rows:
        m = experiment.metrics[row[0]]
        assert int(row[1]) == m.n
        assert [float(cell) for cell in row[2:]] == pytest.approx(
            [m.top1, m.top5, m.mean_class, m.loss], abs=5e-5
        )


def test_the_card_says_how_it_was_made(experiment: Experiment) -> None:
    lines = model_card(experiment).splitlines()
    for line in (
        "- recipe: probe",
        "- weights: random",
        "- l2: 1e-05",
        "- split: planted",
        "- photos that could not be read: 1",
    ):
        assert line in lines


def test_every_class_is_measured_on_the_test_photos(experiment: Experiment) -> None:
    header, *rows = table(model_card(experiment), "Every class on the test photos")
    assert header == ["id", "class", "test photos", "recall", "precision"]
    assert [row[:2] for row in rows] == [["1", "red"], ["2", "lawn"], ["3", "blue"]]
    test = experiment.split.test
    true, predicted = experiment.dataset.labels[test], experiment.logits[test].argmax(1)
    for k, row in enumerate(rows):
        right = int(((true == k) & (predicted == k)).sum())
        assert int(row[2]) == int((true == k).sum())
        assert float(row[3]) == pytest.approx(right / np.sum(true == k), abs=5e-4)
        assert float(row[4]) == pytest.approx(right / max(1, np.sum(predicted == k)), abs=5e-4)


def test_a_name_cannot_break_the_table(experiment: Experiment) -> None:
    classes = (ClassName("1|a", "red\nrose"), *experiment.dataset.classes[1:])
    renamed = replace(experiment, dataset=replace(experiment.dataset, classes=classes))
    assert "| 1\\|a | red rose | " in model_card(renamed)


@pytest.fixture(scope="module")
def run_experiment(module_cache: Path) -> Experiment:
    return train(painted_dataset(), planted_split(), PROBE)


def test_a_run_holds_bundle_figures_and_history(run_experiment: Experiment, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "first"
    paths = write_run(run_experiment, out)
    assert {p.name for p in out.iterdir()} == {"bundle", "history.csv", "metrics.json"}
    assert paths == {
        "bundle": str(out / "bundle"),
        "history": str(out / "history.csv"),
        "metrics": str(out / "metrics.json"),
    }
    told = json.loads((out / "metrics.json").read_text("utf-8"))
    assert told.pop("findings") == []  # the doctor was not asked
    assert told.pop("source") == run_experiment.dataset.source
    assert told == run_experiment.to_json()


def test_history_is_a_table(run_experiment: Experiment, tmp_path: Path) -> None:
    write_run(run_experiment, tmp_path / "run")
    with (tmp_path / "run" / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert rows == run_experiment.history
    assert 2 <= len(rows) <= 100


def test_the_bundle_answers_as_the_experiment_did(
    run_experiment: Experiment, tmp_path: Path
) -> None:
    write_run(run_experiment, tmp_path / "run")
    classifier = load_classifier(tmp_path / "run" / "bundle")
    photos = [run_experiment.dataset.photos[i].read() for i in range(5)]
    batch = np.stack([classifier.preprocessing(photo) for photo in photos])
    with torch.no_grad():
        logits = classifier(torch.from_numpy(batch)).numpy()
    assert np.abs(logits - run_experiment.logits[:5]).max() < 1e-3
    assert classifier.classes == run_experiment.dataset.classes
    card = (tmp_path / "run" / "bundle" / "README.md").read_text("utf-8")
    assert card.startswith("# Image classifier for painted\n")
    config = json.loads((tmp_path / "run" / "bundle" / "config.json").read_text("utf-8"))
    assert config["florascope"]["provenance"] == run_experiment.to_json()


def test_the_bundle_is_calibrated_out_of_fold(run_experiment: Experiment, tmp_path: Path) -> None:
    write_run(run_experiment, tmp_path / "run")
    features, labels = run_experiment.bank.values[0], run_experiment.dataset.labels
    split = run_experiment.split
    known = len(split.train) + len(split.val)
    expected = calibrate(features, run_experiment.logits, labels, split)
    identifier = Identifier(tmp_path / "run" / "bundle")
    found = identifier.config.calibration
    assert found is not None
    assert run_experiment.calibrated is not None
    assert found == run_experiment.calibrated.calibration
    assert (found.photos, found.folds) == (known, 10)
    card = (tmp_path / "run" / "bundle" / "README.md").read_text("utf-8")
    assert f"calibrated on {known} photos of train and val, out of 10 folds. Treat them as" in card
    answer = identifier(run_experiment.dataset.photos[0].read())
    alike = similarities(features[:1], expected.means).max()
    assert answer.observation.alike == pytest.approx(alike, abs=1e-5)


FACTS = "class_id,name_es,people,source\n1,rojo,deadly,us\n"


def test_facts_beside_the_photos_go_into_the_bundle(
    run_experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "facts.csv").write_text(FACTS)
    dataset = replace(run_experiment.dataset, source=str(tmp_path))
    out = tmp_path / "run"
    write_run(replace(run_experiment, dataset=dataset), out)
    identifier = Identifier(out / "bundle")
    assert identifier.catalogue.name(0, "es") == "rojo"
    assert identifier.catalogue.harms(0)["people"] == "deadly"


def test_facts_put_into_a_bundle_outlive_the_next_training(
    run_experiment: Experiment, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_run(run_experiment, out)
    assert not (out / "bundle" / "facts.csv").exists()
    (out / "bundle" / "facts.csv").write_text(FACTS)
    write_run(run_experiment, out)
    assert (out / "bundle" / "facts.csv").read_text() == FACTS
    (out / "bundle" / "facts.csv").write_text(FACTS.replace("1,rojo", "rose,rosa"))
    with pytest.raises(DataError, match="line 2: no class 'rose'"):
        write_run(run_experiment, out, overwrite=True)


def test_a_second_run_takes_the_place_of_the_first(
    run_experiment: Experiment, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_run(run_experiment, out)
    first = json.loads((out / "metrics.json").read_text("utf-8"))
    write_run(train(painted_dataset(), planted_split(), PROBE), out)
    second = json.loads((out / "metrics.json").read_text("utf-8"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_an_earlier_report_goes(run_experiment: Experiment, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write_run(run_experiment, out)
    (out / "report.html").write_text("of another network")
    assert "report" not in write_run(run_experiment, out)
    assert not (out / "report.html").exists()
    assert (out / "metrics.json").is_file()


def contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("part", ["fill_bundle", "as_csv", "json_text", "_keep"])
def test_a_fault_while_writing_leaves_the_earlier_run_whole(
    run_experiment: Experiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    fault: BaseException,
) -> None:
    out = tmp_path / "run"
    write_run(run_experiment, out)
    (out / "report.html").write_text("of this run")
    before = contents(out)

    def fails(*_: object, **__: object) -> str:
        raise fault

    monkeypatch.setattr(run_folder, part, fails)
    with pytest.raises((KeyboardInterrupt, FlorascopeError)) as raised:
        write_run(run_experiment, out)
    if isinstance(fault, OSError):
        assert str(raised.value).startswith(f"{out} cannot be written (No space left). Free some")
    assert contents(out) == before
    assert not list(tmp_path.glob(".*"))  # no draft is left


def test_what_is_no_part_of_a_run_stays_beside_it(
    run_experiment: Experiment, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_run(run_experiment, out)
    for name in ("notes.md", "tensorboard/events", "checkpoint.safetensors"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(name)
    (out / "notes.md").chmod(0o600)
    write_run(run_experiment, out)
    assert (out / "notes.md").read_text() == "notes.md"
    assert (out / "notes.md").stat().st_mode & 0o777 == 0o600
    assert (out / "tensorboard" / "events").read_text() == "tensorboard/events"
    assert not (out / "checkpoint.safetensors").exists()


def test_an_unfinished_run_can_be_run_again(run_experiment: Experiment, tmp_path: Path) -> None:
    out = tmp_path / "run"
    (out / ".bundle.abc123").mkdir(parents=True)  # what a killed process leaves
    (out / "checkpoint.safetensors").touch()
    check_out(out)
    write_run(run_experiment, out)
    assert (out / "metrics.json").is_file()


def test_a_run_of_other_data_is_refused(run_experiment: Experiment, tmp_path: Path) -> None:
    ours, theirs = (
        replace(run_experiment, dataset=replace(run_experiment.dataset, source=str(tmp_path / p)))
        for p in ("a/photos", "b/photos")
    )
    write_run(ours, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(FlorascopeError, match=r"run holds a run of other data \(.*a/photos\)") as e:
        write_run(theirs, tmp_path / "run")
    assert e.value.fix == "Choose another folder, or replace that run with `overwrite=True`"
    assert contents(tmp_path / "run") == before
    same = replace(ours.dataset, source=str(tmp_path / "b" / ".." / "a" / "photos"))
    check_out(tmp_path / "run", same)
    write_run(theirs, tmp_path / "run", overwrite=True)
    told = json.loads((tmp_path / "run" / "metrics.json").read_text("utf-8"))
    assert told["source"].endswith("b/photos")


def test_a_run_of_version_0_1_names_its_data_only(
    run_experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "metrics.json").write_text('{"data": "painted"}')
    check_out(tmp_path, run_experiment.dataset)
    (tmp_path / "metrics.json").write_text('{"data": "others"}')
    with pytest.raises(FlorascopeError, match=r"other data \(others\)"):
        check_out(tmp_path, run_experiment.dataset)


@pytest.mark.parametrize("whole", [True, False], ids=["beside a run", "without a run"])
def test_files_in_a_bundles_folder_are_not_lost(tmp_path: Path, whole: bool) -> None:
    out = tmp_path / "run"
    (out / "bundle").mkdir(parents=True)
    (out / "bundle" / "config.json").touch()
    (out / "bundle" / "thesis.tex").touch()
    if whole:
        (out / "metrics.json").write_text("{}")
    with pytest.raises(FlorascopeError, match=r"bundle holds other files .* \(thesis\.tex\)"):
        check_out(out)


def test_a_folder_in_the_reports_place(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FlorascopeError, match=r"report\.html is a folder"):
        check_out(tmp_path)


def test_a_disk_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FlorascopeError, match=f"{tmp_path} cannot be written"):
        check_out(tmp_path / "new" / "run")


def test_new_and_empty_folders_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    check_out(tmp_path / "empty")
    check_out(tmp_path / "runs" / "new")
    assert not (tmp_path / "runs").exists()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    for out in (tmp_path / "run", tmp_path / "run" / "deeper"):
        with pytest.raises(FlorascopeError) as raised:
            check_out(out)
        assert raised.value.found == f"{tmp_path / 'run'} is a file"
        assert raised.value.expected == "a folder"


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    out = tmp_path / "papers"
    out.mkdir()
    (out / "thesis.tex").touch()
    with pytest.raises(FlorascopeError) as raised:
        check_out(out)
    assert raised.value.found == f"{out} holds other files and no earlier run (thesis.tex)"
    assert raised.value.expected == "a new or empty folder"


def test_nothing_is_written_into_a_folder_of_something_else(
    run_experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "fill_bundle", lambda *_: pytest.fail("it was written"))
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FlorascopeError, match="no earlier run"):
        write_run(run_experiment, tmp_path)
