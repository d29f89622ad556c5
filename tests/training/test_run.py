"""The folder of a run: what is in it, and where it may be."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.data.dataset import Dataset
from florascope.data.splits import Split
from florascope.errors import FlorascopeError
from florascope.evaluation.calibration import calibrate
from florascope.evaluation.similarity import similarities
from florascope.model.saving import load_classifier
from florascope.runtime.identifier import Identifier
from florascope.training import run
from florascope.training.experiment import Experiment, train
from florascope.training.recipe import make_recipe
from florascope.training.run import check_out, write_run

PROBE = make_recipe("probe", backbone="test_resnet", weights="random")


def page(experiment: Experiment) -> str:
    return f"<h1>{experiment.dataset.name}</h1>"


@pytest.fixture
def experiment(dataset: Dataset, split: Split) -> Experiment:
    return train(dataset, split, PROBE)


def test_a_run_holds_bundle_figures_history_and_report(
    experiment: Experiment, tmp_path: Path
) -> None:
    out = tmp_path / "runs" / "first"
    paths = write_run(experiment, out, page)
    assert {p.name for p in out.iterdir()} == {
        "bundle",
        "history.csv",
        "metrics.json",
        "report.html",
    }
    assert paths == {
        "bundle": str(out / "bundle"),
        "history": str(out / "history.csv"),
        "report": str(out / "report.html"),
        "metrics": str(out / "metrics.json"),
    }
    told = json.loads((out / "metrics.json").read_text("utf-8"))
    assert told.pop("findings") == []  # the doctor was not asked
    assert told == experiment.to_json()
    assert (out / "report.html").read_text("utf-8") == "<h1>painted</h1>"


def test_history_is_a_table(experiment: Experiment, tmp_path: Path) -> None:
    write_run(experiment, tmp_path / "run", page)
    with (tmp_path / "run" / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert rows == experiment.history
    assert 2 <= len(rows) <= 5


def test_the_bundle_answers_as_the_experiment_did(experiment: Experiment, tmp_path: Path) -> None:
    write_run(experiment, tmp_path / "run", page)
    classifier = load_classifier(tmp_path / "run" / "bundle")
    photos = [experiment.dataset.photos[i].read() for i in range(5)]
    batch = np.stack([classifier.preprocessing(photo) for photo in photos])
    with torch.no_grad():
        logits = classifier(torch.from_numpy(batch)).numpy()
    assert np.abs(logits - experiment.logits[:5]).max() < 1e-3
    assert classifier.classes == experiment.dataset.classes
    card = (tmp_path / "run" / "bundle" / "README.md").read_text("utf-8")
    assert card.startswith("# Image classifier for painted\n")
    config = json.loads((tmp_path / "run" / "bundle" / "config.json").read_text("utf-8"))
    assert config["florascope"]["provenance"] == experiment.to_json()


def test_the_bundle_is_calibrated_on_the_validation_photos(
    experiment: Experiment, tmp_path: Path
) -> None:
    write_run(experiment, tmp_path / "run", page)
    features, labels = experiment.bank.values[0], experiment.dataset.labels
    expected = calibrate(features, experiment.logits, labels, experiment.split)
    identifier = Identifier(tmp_path / "run" / "bundle")
    assert identifier.config.calibration == expected.calibration
    answer = identifier(experiment.dataset.photos[0].read())
    alike = similarities(features[:1], expected.means).max()
    assert answer.observation.alike == pytest.approx(alike, abs=1e-5)


def test_a_second_run_takes_the_place_of_the_first(
    experiment: Experiment, dataset: Dataset, split: Split, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_run(experiment, out, page)
    first = json.loads((out / "metrics.json").read_text("utf-8"))
    write_run(train(dataset, split, PROBE), out, lambda _: "again")
    second = json.loads((out / "metrics.json").read_text("utf-8"))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert (out / "report.html").read_text("utf-8") == "again"


def test_without_a_report_an_earlier_one_goes(experiment: Experiment, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write_run(experiment, out, page)
    assert "report" not in write_run(experiment, out, None)
    assert not (out / "report.html").exists()
    assert (out / "metrics.json").is_file()


def test_metrics_come_last_and_an_unfinished_run_can_be_run_again(
    experiment: Experiment, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_run(experiment, out, page)

    def interrupted(_: Experiment) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(experiment, out, interrupted)
    assert not (out / "metrics.json").exists()
    (out / ".bundle.abc123").mkdir()  # what a killed process leaves
    check_out(out)
    write_run(experiment, out, page)
    assert (out / "metrics.json").is_file()


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
        assert raised.value.expected == "a folder for --out"


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FlorascopeError) as raised:
        check_out(tmp_path)
    assert raised.value.found == f"{tmp_path} holds other files and no earlier run"
    assert raised.value.expected == "a new or empty folder for --out"


def test_nothing_is_written_into_a_folder_of_something_else(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "save_bundle", lambda *_: pytest.fail("it was written"))
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FlorascopeError, match="no earlier run"):
        write_run(experiment, tmp_path, page)
