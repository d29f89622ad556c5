"""What a run writes down while it goes on."""

import csv
from pathlib import Path

import pytest
import torch

from florascope.errors import TrainingError
from florascope.training.logbook import Logbook, Row, as_csv

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
