"""Where a training runs."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from florascope.errors import TrainingError
from florascope.training.device import fabric_for, leave_to_first_process

CPU = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@CPU
@pytest.mark.parametrize(
    ("asked", "supported", "precision"),
    [
        ("32", True, "32-true"),
        ("bf16", False, "bf16-mixed"),
        ("auto", True, "bf16-mixed"),
        ("auto", False, "32-true"),
    ],
)
def test_precision_is_as_asked_or_as_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, asked: str, supported: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    fabric = fabric_for(asked)
    assert fabric._precision.precision == precision
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")


@CPU
def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(TrainingError, match="precision=16 on a CPU.*precision=bf16 or 32"):
        fabric_for("16")


def test_only_the_first_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_to_first_process()
    monkeypatch.setenv("RANK", "0")
    leave_to_first_process()
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as caught:
        leave_to_first_process()
    assert caught.value.code == 0


@CPU
def test_torchrun_shares_the_work_and_gives_one_run(photo_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
    train = ["florascope", "train", str(photo_folder), "--recipe", "finetune"]
    train += ["--backbone", "test_resnet", "--weights", "random", "--set", "epochs=1"]
    train += [
        "--set",
        "train_size=32",
        "--set",
        "size=64",
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    done = subprocess.run([*command, *train], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"schema": "florascope/1"') == 1
    assert (tmp_path / "run" / "metrics.json").is_file()
