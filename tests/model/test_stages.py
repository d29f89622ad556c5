"""Stages of networks whose structure is known."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from florascope.errors import WeightsError
from florascope.model.backbone import Backbone
from florascope.model.fusing import fuse
from florascope.model.stages import stages, unfreeze


@pytest.fixture
def backbone(make_backbone: Callable[..., Backbone]) -> Backbone:
    return make_backbone("test_resnet")


def test_a_resnet_has_a_stem_and_four_stages(backbone: Backbone) -> None:
    groups = stages(backbone.net, backbone.name)
    assert groups.keys() == {name for name, _ in backbone.net.named_parameters()}
    assert {groups[n] for n in groups if n.startswith("conv1")} == {0}
    for number in (1, 2, 3, 4):
        assert {groups[n] for n in groups if n.startswith(f"layer{number}.")} == {number}


def test_folding_keeps_the_stages(backbone: Backbone) -> None:
    whole, fused = backbone.net, fuse(backbone.net, torch.zeros(1, 3, 64, 64)).net
    before, after = stages(whole, "test_resnet"), stages(fused, "test_resnet")
    assert after.keys() == {name for name, _ in fused.named_parameters()}
    assert all(after[n] == before[n] for n in after if n in before)


@pytest.mark.parametrize(
    ("count", "learning"),
    [(0, set()), (1, {4}), (3, {2, 3, 4}), (9, {*range(5)}), (None, {*range(5)})],
)
def test_the_last_stages_learn(backbone: Backbone, count: int | None, learning: set[int]) -> None:
    groups = stages(backbone.net, backbone.name)
    unfreeze(backbone.net, groups, count)
    assert {groups[n] for n, p in backbone.net.named_parameters() if p.requires_grad} == learning


def test_a_network_without_groups_is_named() -> None:
    with pytest.raises(WeightsError, match="does not say which layers of lenet belong together"):
        stages(nn.Linear(1, 1), "lenet")
