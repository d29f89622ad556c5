"""timm without PyTorch's compiler: in a process of its own, and its networks' shapes."""

import subprocess
import sys

import pytest
import torch

from florascope.nets.library import (
    COMPILER,
    UTILS,
    Undrawn,
    compiler_postponed,
    timm,
    without_memory,
)

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
