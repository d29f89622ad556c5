"""Eval mode, and the way back from it."""

from collections.abc import Callable

import pytest
import timm
import torch
from timm.data import resolve_model_data_config
from torch import nn

from florascope.errors import WeightsError
from florascope.nets.backbone import Backbone, contract, stages, unfreeze
from florascope.nets.extractor import evaluating
from florascope.nets.fusing import fuse
from florascope.preprocessing import Preprocessing


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_comes_back(mode: bool) -> None:
    net = nn.Sequential(nn.Dropout()).train(mode)
    with evaluating(net):
        assert not net.training
        assert not net[0].training
    assert net.training is net[0].training is mode


def test_the_mode_comes_back_after_an_error() -> None:
    net = nn.Dropout().train()
    with pytest.raises(ZeroDivisionError), evaluating(net):
        _ = 1 / 0
    assert net.training


POOLED = {
    "mobilenetv2_100": {},
    "resnet18": {},
    "convnext_atto": {},
    "efficientnet_b0": {},
    "vit_tiny_patch16_224": {"global_pool": "avg"},
    "test_vit2": {},
    "dla46x_c": {},  # a 1 x 1 convolution for a classifier
}
OTHERS = ("mobilenetv3_small_050", "vit_tiny_patch16_224", "test_mambaout")


def images(backbone: Backbone, photos: int = 2) -> torch.Tensor:
    size = backbone.preprocessing.size
    return torch.randn(photos, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", POOLED)
def test_features_are_the_mean_of_the_map_and_timms_own(
    name: str, make_backbone: Callable[..., Backbone]
) -> None:
    backbone = make_backbone(name, **POOLED[name])
    assert backbone.pools_linearly
    batch = images(backbone)
    with torch.no_grad():
        feature_map, features = backbone(batch)
        timms = backbone.net.forward_head(backbone.net.forward_features(batch), pre_logits=True)
    assert feature_map.shape[:2] == features.shape == (2, backbone.num_features)
    scale = features.abs().max()
    assert (feature_map.mean((2, 3)) - features).abs().max() <= 1e-6 * scale
    assert (features - timms).abs().max() <= 1e-5 * scale


@pytest.mark.parametrize("name", OTHERS)
def test_other_heads_say_so_and_give_timms_features(
    name: str, make_backbone: Callable[..., Backbone]
) -> None:
    backbone = make_backbone(name)
    assert not backbone.pools_linearly
    batch = images(backbone)
    with torch.no_grad():
        features = backbone(batch).features
        timms = backbone.net(batch)  # num_classes=0: what the classifier would get
    assert features.shape == (2, backbone.num_features)
    assert torch.equal(features, timms)


def test_places_of_a_token_map_are_rows_then_columns(
    make_backbone: Callable[..., Backbone],
) -> None:
    backbone = make_backbone("vit_tiny_patch16_224")
    batch = images(backbone, 1)
    with torch.no_grad():
        feature_map = backbone(batch).map
        tokens = backbone.net.forward_features(batch)
    assert feature_map.shape == (1, 192, 14, 14)
    assert torch.equal(feature_map[0, :, 3, 5], tokens[0, 1 + 3 * 14 + 5])


def test_places_of_a_channels_last_map(make_backbone: Callable[..., Backbone]) -> None:
    backbone = make_backbone("test_mambaout")
    batch = images(backbone, 1)
    with torch.no_grad():
        feature_map, raw = backbone(batch).map, backbone.net.forward_features(batch)
    assert torch.equal(feature_map[0, :, 1, 3], raw[0, 1, 3, :])


def test_a_bright_corner_lies_in_the_same_corner_of_the_map(
    make_backbone: Callable[..., Backbone],
) -> None:
    backbone = make_backbone("resnet18")
    size = backbone.preprocessing.size
    dark = torch.zeros(1, 3, size, size)
    bright = dark.clone()
    bright[:, :, : size // 8, -size // 8 :] = 3.0  # top right
    with torch.no_grad():
        change = (backbone(bright).map - backbone(dark).map).abs().sum(1)[0]
    assert change.shape == (7, 7)
    assert change[:3, 4:].sum() > 4 * change[4:, :3].sum()
    row, column = divmod(int(change.argmax()), 7)
    assert row <= 1
    assert column >= 5


def test_measuring_leaves_the_mode_alone() -> None:
    assert Backbone("test_resnet").training


@pytest.mark.parametrize("name", ["mobilenetv2_100", "vit_tiny_patch16_224", "test_convnext"])
def test_preprocessing_is_timms(name: str) -> None:
    backbone = Backbone(name)
    timms = resolve_model_data_config(backbone.net)
    pre = backbone.preprocessing
    assert (3, pre.size, pre.size) == timms["input_size"]
    ours = (pre.mean, pre.std, pre.crop_pct, pre.crop_mode, pre.interpolation)
    keys = ("mean", "std", "crop_pct", "crop_mode", "interpolation")
    assert ours == tuple(timms[key] for key in keys)
    assert pre.channel_order == "rgb"


def test_a_contract_falls_back_to_imagenets() -> None:
    assert contract({}) == Preprocessing()
    assert contract({"crop_mode": "squash"}).crop_mode == "squash"
    assert contract({"crop_mode": "border"}).crop_mode == "center"
    assert contract({"interpolation": "random"}).interpolation == "bicubic"


def test_given_preprocessing_wins() -> None:
    pre = Preprocessing(size=96, mean=(0, 0, 0), std=(1, 1, 1))
    assert Backbone("test_resnet", pre).preprocessing is pre


def test_a_fixed_input_size_is_told_to_timm() -> None:
    backbone = Backbone("test_vit3")  # made for 224 where timm is not told of its 160
    assert backbone.model_args == {"img_size": 160}
    small = Backbone("test_vit3", Preprocessing(size=96))
    assert small.model_args == {"img_size": 96}
    assert small(torch.zeros(1, 3, 96, 96)).map.shape[2:] == (6, 6)
    assert Backbone("test_resnet").model_args == {}


def test_model_args_reach_the_network() -> None:
    padded = Backbone("mobilenetv2_050", model_args={"pad_type": "same"})
    assert type(padded.net.conv_stem) is not type(Backbone("mobilenetv2_050").net.conv_stem)


@pytest.mark.parametrize("name", POOLED)
def test_head_shape_is_that_of_timms_classifier(name: str) -> None:
    backbone = Backbone(name, model_args=POOLED[name])
    whole = timm.create_model(name, num_classes=3, **POOLED[name])
    weight = whole.get_parameter(f"{backbone.classifier_name}.weight")
    assert weight.shape == (3, *backbone.head_shape)


def test_digest_names_the_network(make_backbone: Callable[..., Backbone]) -> None:
    one, same = make_backbone("test_resnet"), make_backbone("test_resnet")
    assert one.digest() == same.digest()
    other = make_backbone("test_resnet", seed=1)
    assert one.digest() != other.digest()
    with torch.no_grad():
        same.net.get_parameter("conv1.0.weight")[0, 0, 0, 0] += 1e-6
    assert one.digest() != same.digest()


def test_digest_is_blind_to_the_order_of_arguments() -> None:
    arguments = {"img_size": 64, "global_pool": "avg"}
    digests = set()
    for model_args in (arguments, dict(reversed(arguments.items()))):
        torch.manual_seed(0)
        digests.add(Backbone("test_vit", model_args=model_args).digest())
    assert len(digests) == 1


def test_digest_tells_arguments_apart() -> None:
    kinds = [{}, {"pad_type": "same"}]
    digests = set()
    for model_args in kinds:
        torch.manual_seed(0)
        digests.add(Backbone("mobilenetv2_050", model_args=model_args).digest())
    assert len(digests) == 2


def test_an_unknown_name_brings_names_like_it() -> None:
    with pytest.raises(WeightsError) as raised:
        Backbone("mobilenetv2_099")
    assert raised.value.found == "timm has no backbone 'mobilenetv2_099'"
    assert raised.value.expected.startswith("a name from timm.list_models(), such as mobilenetv")
    assert "mobilenetv2_100" in raised.value.expected
    assert raised.value.expected.count("mobilenet") == 5


def test_an_unknown_name_like_no_other() -> None:
    with pytest.raises(WeightsError) as raised:
        Backbone("buttercup")
    assert raised.value.expected == "a name from timm.list_models()"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("levit_128s", "head.bn, head.linear, head_dist.bn, head_dist.linear"),
        ("deit_tiny_distilled_patch16_224", "head, head_dist"),
    ],
)
def test_a_classifier_of_another_kind_is_refused(name: str, parts: str) -> None:
    with pytest.raises(WeightsError) as raised:
        Backbone(name)
    assert raised.value.found == (
        f"the classifier of {name} is not one linear layer (it consists of {parts})"
    )
    assert "such as mobilenetv2_100" in raised.value.expected


@pytest.mark.parametrize("argument", ["checkpoint_path", "pretrained", "num_classes"])
def test_no_argument_may_load_a_file(argument: str) -> None:
    with pytest.raises(WeightsError, match=f"not the network's own: {argument}"):
        Backbone("test_resnet", model_args={argument: "weights.pth"})


def test_an_argument_that_the_network_does_not_take() -> None:
    with pytest.raises(WeightsError, match=r"timm cannot make test_resnet with .*petals.*expected"):
        Backbone("test_resnet", model_args={"petals": 5})


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
