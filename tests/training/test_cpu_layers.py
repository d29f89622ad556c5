"""Recast layers: the same answers and gradients as the plain network's."""

import copy

import pytest
import timm
import torch
from torch import Tensor, nn

from florascope.training.cpu_layers import ChannelsLastReLU6, StridedDepthwise, recast


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
