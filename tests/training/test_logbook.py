"""Checkpoints written, read back, damaged and mistaken."""

import csv
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from florascope.errors import TrainingError
from florascope.training.logbook import (
    Checkpoint,
    Logbook,
    Row,
    as_csv,
    read_checkpoint,
    tensorboard,
)

ORIGIN = {"recipe": "finetune", "learning_rate": 0.001, "photos": "abc"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "checkpoint.safetensors"


def checkpoint() -> Checkpoint:
    return Checkpoint({"w": torch.arange(3.0)}, {"epoch": 2, "score": [0.5, -1.0]}, ORIGIN)


def test_what_was_written_is_read_back(path: Path) -> None:
    checkpoint().write(path)
    found = read_checkpoint(path, ORIGIN)
    assert found is not None
    assert torch.equal(found.tensors["w"], torch.arange(3.0))
    assert found.progress == {"epoch": 2, "score": [0.5, -1.0]}


def test_no_file_is_no_checkpoint(path: Path) -> None:
    assert read_checkpoint(path, ORIGIN) is None


def test_writing_leaves_nothing_else_behind(path: Path) -> None:
    for _ in range(2):
        checkpoint().write(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"learning_rate": 0.1},
            "was begun with learning_rate=0.001, and this run has learning_rate=0.1",
        ),
        ({"photos": "xyz"}, "photos=abc, and this run has photos=xyz"),
        ({"epochs": 3}, "epochs=None, and this run has epochs=3"),
    ],
)
def test_another_run_is_refused_naming_the_difference(
    path: Path, changed: dict[str, object], words: str
) -> None:
    checkpoint().write(path)
    with pytest.raises(TrainingError) as caught:
        read_checkpoint(path, {**ORIGIN, **changed})
    assert words in str(caught.value)
    assert "another folder, or remove the file" in str(caught.value)


def test_a_damaged_file_is_named(path: Path) -> None:
    checkpoint().write(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(TrainingError, match="no checkpoint that can be read.*Remove it"):
        read_checkpoint(path, ORIGIN)


def test_a_safetensors_file_of_others_is_named(path: Path) -> None:
    path.parent.mkdir()
    save_file({"w": torch.zeros(1)}, path)
    with pytest.raises(TrainingError, match="is no checkpoint"):
        read_checkpoint(path, ORIGIN)


ROWS: list[Row] = [{"epoch": 1, "val_top1": 0.5}, {"epoch": 2, "val_top1": 0.75}]


def test_the_history_is_a_csv_after_every_epoch(tmp_path: Path) -> None:
    told: list[Row] = []
    book = Logbook(tmp_path, listeners=[told.append])
    for count in (1, 2):
        book.note(ROWS[:count])
        with (tmp_path / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [float(row["val_top1"]) for row in rows] == [0.5, 0.75][:count]
    assert told == ROWS


def test_a_checkpoint_is_kept_and_read(tmp_path: Path) -> None:
    book = Logbook(tmp_path, {"seed": 1})
    assert book.read() is None
    book.keep({"w": torch.ones(2)}, {"epoch": 1})
    found = book.read()
    assert found is not None
    assert found.progress == {"epoch": 1}
    with pytest.raises(TrainingError, match="seed=1, and this run has seed=2"):
        Logbook(tmp_path, {"seed": 2}).read()


def test_checkpoints_are_due_after_the_interval(tmp_path: Path) -> None:
    assert Logbook(tmp_path, interval=0.0).due
    assert not Logbook(tmp_path, interval=1000.0).due


def test_without_a_folder_nothing_is_kept() -> None:
    book = Logbook(interval=0.0)
    book.keep({}, {})
    book.note(ROWS)
    assert book.read() is None
    assert not book.due


def test_rows_as_csv() -> None:
    assert as_csv(ROWS) == "epoch,val_top1\n1,0.5\n2,0.75\n"


MODULE = "torch.utils.tensorboard"


class Recorder:
    """Stands for torch's SummaryWriter."""

    written: tuple[tuple[str, str, float, int], ...] = ()

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def add_scalar(self, name: str, value: float, step: int) -> None:
        Recorder.written += ((self.folder, name, value, step),)

    def flush(self) -> None:
        Recorder.written += (("flushed", "", 0.0, 0),)


def test_each_figure_is_a_scalar_of_its_epoch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module: Any = ModuleType(MODULE)
    module.SummaryWriter = Recorder
    monkeypatch.setitem(sys.modules, MODULE, module)
    tensorboard(tmp_path)({"epoch": 3, "val_top1": 0.5})
    folder = str(tmp_path)
    assert Recorder.written == (
        (folder, "epoch", 3, 3),
        (folder, "val_top1", 0.5, 3),
        ("flushed", "", 0.0, 0),
    )


def test_without_tensorboard_one_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(TrainingError, match="pip install tensorboard, or leave out `tensorboard`"):
        tensorboard(tmp_path)
