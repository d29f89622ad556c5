"""A folded network against the one it came from: same answers, same gradients, same names."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from florascope.nets import fusing
from florascope.nets.backbone import Backbone
from florascope.nets.fusing import fuse

NETWORKS = ["test_resnet", "test_efficientnet", "mobilenetv2_035"]
MakeBackbone = Callable[..., Backbone]


def photos(size: int = 64) -> torch.Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_folded_network_answers_alike_without_batchnorm(
    name: str, make_backbone: MakeBackbone
) -> None:
    net = make_backbone(name).net
    fused = fuse(net, photos())
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    left = [m for m in fused.net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(fused.pairs) == len(norms) - len(left)
    assert len(left) <= 1  # test_resnet has one behind an antialiasing filter, which stays
    other = photos(96)
    torch.testing.assert_close(fused.net(other), net(other), atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_state_goes_back_into_the_original_names(
    name: str, make_backbone: MakeBackbone
) -> None:
    net: Any = make_backbone(name).net.double()  # whatever was drawn, rounding is no question
    seen, draws = photos().double(), torch.Generator().manual_seed(0)
    fused = fuse(net, seen)
    with torch.no_grad():
        for parameter in fused.net.parameters():
            step = torch.randn(parameter.shape, generator=draws, dtype=torch.float64)
            parameter.add_(0.01 * step)
    state = fused.unfused(fused.net.state_dict())
    assert state.keys() == net.state_dict().keys()
    net.load_state_dict(state)
    truth = fused.net(seen)
    assert (net(seen) - truth).abs().max() <= 1e-9 * truth.abs().max()


def test_a_convolution_with_a_bias_of_its_own_comes_back() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    net[1].running_mean.normal_(0, 1)  # type: ignore[operator]
    fused = fuse(net, photos())
    assert fused.pairs[0].biased
    net.load_state_dict(fused.unfused(fused.net.state_dict()))
    torch.testing.assert_close(net(photos()), fused.net(photos()))


def test_the_network_itself_is_left_alone(make_backbone: MakeBackbone) -> None:
    net = make_backbone("test_resnet").net
    before = {k: v.clone() for k, v in net.state_dict().items()}
    net.train()
    fuse(net, photos())
    assert net.training
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


class Crossed(nn.Module):
    """Made in one order, used in another: neighbours that do not belong together."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.norm(x) + x)


def test_where_order_misleads_a_plain_copy_comes_back() -> None:
    net = Crossed().eval()
    net.norm.running_mean.fill_(3.0)  # type: ignore[union-attr]
    fused = fuse(net, photos())
    assert fused.pairs == ()
    torch.testing.assert_close(fused.net(photos()), net(photos()))
    assert fused.unfused(net.state_dict()).keys() == net.state_dict().keys()


def test_a_network_without_batchnorm_is_copied(make_backbone: MakeBackbone) -> None:
    backbone = make_backbone("test_vit")
    fused = fuse(backbone.net, photos(backbone.preprocessing.size))
    assert fused.pairs == ()
    assert fused.net is not backbone.net


def test_eps_is_undone_exactly() -> None:
    pair = fusing.Pair("conv", "norm", biased=False, eps=1e-3)
    norm = nn.BatchNorm2d(5, eps=1e-3).eval()
    parts = fusing.Fused(nn.Identity(), (pair,)).unfused({"conv.bias": torch.arange(5.0)})
    norm.load_state_dict({k.removeprefix("norm."): v for k, v in parts.items()})
    x = torch.randn(1, 5, 2, 2)
    torch.testing.assert_close(norm(x), x + torch.arange(5.0)[None, :, None, None])
