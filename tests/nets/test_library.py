"""timm without PyTorch's compiler, its networks' shapes, and whatever PyTorch has been set to."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import torch
from torch import nn

from florascope.data.dataset import ClassName
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.library import (
    COMPILER,
    UTILS,
    Undrawn,
    compiler_postponed,
    timm,
    torch_defaults,
    without_memory,
)
from florascope.nets.wrapped import wrap

WATCHED = """
import sys
import torch
from florascope.nets.backbone import Backbone
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe
from florascope.nets.classifier import Samples
Backbone("test_resnet")
samples = Samples(torch.eye(4), torch.tensor([0, 0, 1, 1]), 2)
fit_probe(samples, samples, Probe())
print("torch._dynamo" in sys.modules)
import torchvision
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
print(torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), boxes, 2).mean().item())
print(sys.modules["torchvision.ops.roi_align"].is_compile_supported("cpu"))
print(torch._dynamo.is_compiling(), "torch._dynamo" in sys.modules)
"""


def test_a_network_and_a_probe_leave_the_compiler_alone_until_it_is_asked_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["False", "1.0", "True", "False", "True"]


def test_what_asks_for_more_of_the_compiler_ends_the_block_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (COMPILER, UTILS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    reached = []
    with compiler_postponed():
        compiler = sys.modules[COMPILER]
        reached.append(compiler.utils.is_compile_supported)
        reached.append(compiler.something_else)
    assert len(reached) == 1
    assert COMPILER not in sys.modules
    assert UTILS not in sys.modules


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_an_outline_has_the_networks_names_and_shapes(name: str) -> None:
    with without_memory():
        outlined = timm.create_model(name, num_classes=7)
    made = timm.create_model(name, num_classes=7)
    shapes = [{k: (v.shape, v.dtype) for k, v in n.state_dict().items()} for n in (outlined, made)]
    assert shapes[0] == shapes[1]
    assert all(p.is_meta for p in outlined.parameters())


def test_only_drawing_is_left_out() -> None:
    with Undrawn():
        drawn = torch.zeros(3).normal_()
        summed = torch.ones(3) + 1
        torch.nn.init.uniform_(drawn)
    assert drawn.tolist() == [0.0, 0.0, 0.0]
    assert summed.tolist() == [2.0, 2.0, 2.0]


def _state() -> tuple[object, ...]:
    modes = (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    return torch.get_default_dtype(), torch.get_default_device(), *modes


PLAIN = (torch.float32, torch.device("cpu"), True, False)


@pytest.fixture
def float64() -> Iterator[None]:
    """What a user has set before."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@torch_defaults()
def _fails_within() -> None:
    assert _state() == PLAIN
    raise KeyError


@pytest.mark.usefixtures("float64")
def test_what_a_user_has_set_is_kept_away_and_given_back_even_by_an_error() -> None:
    with torch.device("meta"), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        before = _state()
        with torch_defaults():
            with pytest.raises(KeyError):
                _fails_within()
            assert _state() == PLAIN
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        with pytest.raises(KeyError):
            _fails_within()
        assert _state() == before
        assert torch.is_autocast_enabled("cpu")
    with torch.no_grad(), torch_defaults():
        assert _state() == PLAIN


@pytest.mark.usefixtures("float64")
def test_the_last_of_several_threads_gives_the_dtype_back() -> None:
    inside, leave = Barrier(2), Event()

    def first() -> None:
        with torch_defaults():
            inside.wait(10)

    def second() -> torch.dtype:
        with torch_defaults():
            inside.wait(10)
            leave.wait(10)
            return torch.get_default_dtype()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        one.result(10)
        leave.set()
        assert other.result(10) == torch.float32
    assert torch.get_default_dtype() == torch.float64


def test_a_network_is_made_without_a_draw_that_the_users_own_would_miss() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    classifier = Classifier(Backbone("test_resnet"), (ClassName("0", "one"),))
    wrap(nn.Sequential(*layers).eval())
    assert torch.equal(torch.rand(3), expected)
    assert classifier.head.weight.std() > 0
