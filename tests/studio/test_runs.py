"""A run's figures and answers against the run itself, opened as any other."""

from pathlib import Path

import numpy as np
import pytest

import florascope as fs
from florascope.errors import DataError
from florascope.evaluation.intervals import difference
from florascope.studio.project import Edit, Project
from florascope.studio.runs import Answer, Answers, Request, RunFolder, Runs, compared

from .conftest import TINY


def test_figures_and_answers_are_the_runs_own(trained: Project) -> None:
    run = Runs(trained.folder)[1]
    truth = fs.open_run(run.path / "run")
    figures = run.figures()
    assert figures["test"]["top1"] == truth.metrics["test"].top1
    low, high = figures["test"]["interval"]
    assert low < figures["test"]["top1"] <= high <= 1
    counts = np.zeros((3, 3), int)
    for label, predicted, count in run.answers.confusions("test"):
        counts[label, predicted] = count
    np.testing.assert_array_equal(counts, truth.confusions.counts)
    assert run.answers.classes == ("daisy", "rose", "violet")
    assert len(run.answers.photos) == len(trained.photos)


def test_a_summary_says_what_was_asked(trained: Project) -> None:
    told = Runs(trained.folder)[1].summary()
    assert (told["number"], told["title"], told["finished"]) == (1, "first", True)
    assert (told["photos"], told["classes"], told["skipped"]) == (36, 3, 0)


def test_runs_are_numbered_on_and_listed_latest_first(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    assert list(runs) == []
    assert [runs.begin(TINY).number for _ in range(3)] == [1, 2, 3]
    runs.remove(2)
    assert [run.number for run in runs] == [3, 1]
    assert Runs(tmp_path).begin(TINY).number == 4
    assert runs[1].request() == TINY
    assert runs[1].summary()["finished"] is False
    assert not runs[1].resumable
    with pytest.raises(DataError, match="no run 2"):
        runs[2]


ROWS = (
    *[Answer(f"{n}", "test", 0, 0, 0.5 + n / 100) for n in range(3)],
    Answer("a", "test", 0, 1, 0.9),
    Answer("b", "test", 0, 1, 0.95),
    Answer("c", "train", 0, 1, 0.99),
)


def test_a_cell_holds_the_surest_first() -> None:
    answers = Answers(("lily", "rose"), list(ROWS))
    assert answers.confusions("test") == [[0, 0, 3], [0, 1, 2]]
    assert [a.photo for a in answers.cell("test", 0, 1)] == ["b", "a"]
    assert [a.photo for a in answers.cell("train", 0, 1)] == ["c"]
    assert answers.cell("val", 0, 1) == []


def made(folder: Path, rights: list[bool], first: int) -> RunFolder:
    rows = [Answer(str(first + n), "test", 0, 0 if ok else 1, 0.9) for n, ok in enumerate(rights)]
    run = Runs(folder).begin(Request())
    Answers(("lily", "rose"), rows).write(run.path / "answers.json")
    return run


def test_a_comparison_is_newcombes(tmp_path: Path) -> None:
    one, other = made(tmp_path, [True] * 8 + [False] * 2, 0), made(tmp_path, [True] * 10, 4)
    told = compared(one, other)
    assert told["difference"] == pytest.approx(-0.2)
    assert told["interval"] == pytest.approx(list(difference((0.8, 10), (1.0, 10))))
    assert told["shared"] == 6
    assert compared(one, one)["difference"] == 0


def test_answers_keep_the_label_of_their_training(trained: Project) -> None:
    before = Runs(trained.folder)[1].answers.confusions("test")
    trained.edit(Edit("rename", (), "lily", "rose"))
    assert Runs(trained.folder)[1].answers.confusions("test") == before
