"""Where a training runs."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from florascope.errors import TrainingError
from florascope.training.devices import (
    ChannelsLastReLU6,
    StridedDepthwise,
    check_precision,
    fabric_for,
    leave_to_first_process,
    recast,
)

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
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    asked: str,
    supported: bool,
    precision: str,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    fabric = fabric_for(asked)
    assert fabric._precision.precision == precision
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")
    assert caplog.records == [], "notebooks show what is logged in red"


@CPU
def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(TrainingError, match="precision=16 on a CPU.*precision='bf16'"):
        fabric_for("16")


@CPU
def test_bfloat16_that_would_be_imitated_is_refused_unless_forced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    with pytest.raises(TrainingError, match="this CPU does not multiply bfloat16.*force=True"):
        check_precision("bf16")
    check_precision("bf16", force=True)
    check_precision("auto")
    check_precision("32")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    check_precision("bf16")


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


@pytest.fixture
def plain() -> nn.Module:
    torch.manual_seed(0)
    net = timm.create_model("mobilenetv2_050", num_classes=5)
    return net.eval().to(memory_format=torch.channels_last)


def images() -> Tensor:
    drawn = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return drawn.contiguous(memory_format=torch.channels_last)


def gradients(net: nn.Module) -> dict[str, Tensor]:
    net(images()).square().sum().backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def test_same_answers_and_gradients_under_the_same_names(plain: nn.Module) -> None:
    twin = recast(copy.deepcopy(plain))
    torch.testing.assert_close(twin(images()), plain(images()))
    truth, found = gradients(plain), gradients(twin)
    assert found.keys() == truth.keys()
    for name, gradient in truth.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_every_strided_depthwise_convolution_and_relu6_is_recast(plain: nn.Module) -> None:
    kinds = [type(module) for module in recast(plain).modules()]
    assert kinds.count(StridedDepthwise) == 4  # the stem is a plain one
    assert nn.ReLU6 not in kinds
    assert ChannelsLastReLU6 in kinds


def test_strided_depthwise_computes_in_float32_under_autocast() -> None:
    conv = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4)
    images = torch.randn(1, 4, 8, 8)
    truth = conv(images.bfloat16().float()).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = recast(nn.Sequential(conv))(images.bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, truth, rtol=0, atol=0)


def test_other_convolutions_stay() -> None:
    whole = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.Conv2d(4, 4, 3, groups=4))
    assert {type(module) for module in recast(whole).children()} == {nn.Conv2d}
