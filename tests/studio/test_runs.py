"""A run's figures and answers against the run itself, opened as any other."""

import os
from pathlib import Path

import numpy as np
import pytest

import florascope as fs
from florascope.data.manifest import manifest
from florascope.errors import DataError
from florascope.evaluation.intervals import difference
from florascope.studio.project import Edit, Project
from florascope.studio.runs import (
    Answer,
    Answers,
    Request,
    RunFolder,
    Runs,
    compared,
    dealt,
    listed_names,
    write_list,
)

from .conftest import TINY


@pytest.fixture
def project(source: Path, tmp_path: Path) -> Project:
    return Project.open(tmp_path / "mine", source)


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


def test_the_list_is_what_training_takes(project: Project, tmp_path: Path) -> None:
    project.edit(Edit("label", ("rose/0.jpg",), "daisy"))
    project.edit(Edit("remove", ("rose/1.jpg",)))
    project.edit(Edit("label", ("rose/2.jpg",)))
    write_list(project, tmp_path / "photos.csv")
    data = manifest(tmp_path / "photos.csv")
    assert dict(zip((c.name for c in data.classes), data.counts(), strict=True)) == {
        "daisy": 13,
        "rose": 9,
        "violet": 12,
    }
    names = listed_names(tmp_path / "photos.csv")
    assert names[:2] == ["daisy/0.jpg", "daisy/1.jpg"]
    assert not {"rose/1.jpg", "rose/2.jpg"} & set(names)
    sides = data.own_splits["csv"]
    assert {int(data.labels[i]) for i in sides.test} == {0, 1, 2}


def test_a_source_that_divides_its_photos_keeps_its_division(tmp_path: Path, photo: bytes) -> None:
    for side, count in (("train", 4), ("val", 2), ("test", 3)):
        for name in ("lily", "rose"):
            folder = tmp_path / "flowers" / side / name
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.jpg").write_bytes(photo)
    project = Project.open(tmp_path / "mine", tmp_path / "flowers")
    project.add(photo, "rose", "new.jpg")
    write_list(project, tmp_path / "photos.csv")
    sides = manifest(tmp_path / "photos.csv").own_splits["csv"]
    assert [len(part) for _, part in sides.items()] == [9, 4, 6]


def test_photos_stay_on_their_side_when_others_are_mended() -> None:
    photos = [("rose" if n % 2 else "lily", f"{n}.jpg") for n in range(400)]
    before = dealt(photos)
    assert {side: before.count(side) for side in ("test", "val")} == {"test": 40, "val": 40}
    mended = [("lily" if n in {1, 3, 5} else label, name) for n, (label, name) in enumerate(photos)]
    moved = sum(a != b for a, b in zip(before, dealt(mended), strict=True))
    assert moved <= 6
    assert dealt([("few", "a"), ("few", "b"), ("few", "c")]).count("train") == 1


def test_a_name_that_no_list_can_hold_is_named(tmp_path: Path, photo: bytes) -> None:
    folder = tmp_path / "flowers" / "rose"
    folder.mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(photo)
    project = Project.open(tmp_path / "mine", tmp_path / "flowers")
    assert project.photos[0].name == r"rose/caf\xe9.jpg"
    with pytest.raises(DataError, match=r"caf\\xe9.jpg is no UTF-8"):
        write_list(project, tmp_path / "photos.csv")
