"""Figures handed to TensorBoard, and what is said where there is none."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from florascope.errors import TrainingError
from florascope.training.tensorboard import tensorboard

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
    with pytest.raises(TrainingError, match="pip install tensorboard, or leave out --tensorboard"):
        tensorboard(tmp_path)
