"""What blocks write into a token: a sum, measured and not assumed."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from packaging.version import Version
from torch import nn

from florascope.nets.backbone import Backbone
from florascope.nets.token_stream import token_stream, writes_a_token

# Before, timm did not tell that this network has a class token, and it was refused.
CAIT_TELLS_ITS_TOKEN = pytest.mark.skipif(
    Version(timm.__version__) < Version("1.0.31"), reason="timm 1.0.31 or newer"
)

SMALL: dict[str, dict[str, Any]] = {
    "test_vit": {"img_size": 64},
    "vit_tiny_patch16_224": {"img_size": 64, "depth": 2},
    "deit3_small_patch16_224": {"img_size": 64, "depth": 2},  # LayerScale
    "vit_small_patch14_reg4_dinov2": {"img_size": 56, "depth": 2},  # four registers, LayerScale
    "vit_base_patch16_clip_224": {"img_size": 64, "depth": 2},  # a norm before the blocks
}


def settled(backbone: Backbone) -> Backbone:
    """LayerScale begins at 1e-5, where errors in it would not show."""
    for module in backbone.net.modules():
        if isinstance(getattr(module, "gamma", None), nn.Parameter):
            nn.init.uniform_(module.gamma, 0.5, 2)
    return backbone


@pytest.mark.parametrize("name", SMALL)
def test_the_parts_add_up(make_backbone: Callable[..., Backbone], name: str) -> None:
    backbone = settled(make_backbone(name, **SMALL[name]))
    images = backbone.example(2)
    assert writes_a_token(backbone)
    stream = token_stream(backbone.net, images)
    with torch.no_grad():
        truth = backbone(images).features
    torch.testing.assert_close(stream.features, truth, rtol=1e-4, atol=1e-4)
    for block, written in zip(backbone.net.blocks, stream.blocks, strict=True):
        torch.testing.assert_close(
            written.attention.sum(2), torch.ones_like(written.attention[..., 0])
        )
        offers = torch.einsum("bhn,bhnd,hdc->bc", written.attention, written.values, written.onto)
        constant = block.attn.proj.bias * getattr(block.ls1, "gamma", 1.0)
        torch.testing.assert_close(offers + constant, written.attended, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("test_vit", {"global_pool": "avg"}),  # answers from its map
        ("test_resnet", {}),
        pytest.param(  # a token of later blocks alone
            "cait_xxs24_224", {"img_size": 64}, marks=CAIT_TELLS_ITS_TOKEN
        ),
        ("vit_small_plus_patch16_dinov3", {"global_pool": "token", "depth": 1}),  # other blocks
    ],
)
def test_others_do_not(
    make_backbone: Callable[..., Backbone], name: str, arguments: dict[str, Any]
) -> None:
    assert not writes_a_token(make_backbone(name, **arguments))


def test_a_gate_that_the_sum_does_not_know_is_noticed(
    make_backbone: Callable[..., Backbone],
) -> None:
    backbone = make_backbone("test_vit")
    backbone.net.blocks[1].attn.norm = nn.LayerNorm(64)  # between attention and projection
    nn.init.normal_(backbone.net.blocks[1].attn.norm.bias)
    assert not writes_a_token(backbone)


def test_no_hooks_are_left(make_backbone: Callable[..., Backbone]) -> None:
    backbone = make_backbone("test_vit")
    token_stream(backbone.net, backbone.example(1))
    broken = make_backbone("test_vit")
    broken.net.blocks[3].mlp.forward = None
    with pytest.raises(TypeError):
        token_stream(broken.net, broken.example(1))
    for module in (*backbone.modules(), *broken.modules()):
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
