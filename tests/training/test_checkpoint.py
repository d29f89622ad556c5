"""Checkpoints written, read back, damaged and mistaken."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from florascope.errors import TrainingError
from florascope.training.checkpoint import Checkpoint, read_checkpoint

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
    assert "another --out, or remove the file" in str(caught.value)


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
