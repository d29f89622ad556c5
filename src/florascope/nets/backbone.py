"""timm's networks as feature extractors."""

import inspect
import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, nn

from florascope.errors import WeightsError
from florascope.nets.extractor import (
    Embedding,
    FeatureExtractor,
    FeatureMap,
    Images,
    close,
    evaluating,
)
from florascope.nets.library import making_networks, timm, without_memory
from florascope.preprocessing import Preprocessing


class Backbone(FeatureExtractor):
    """Wrap a timm model so that logits = W f + b with f = mean over (h, w) of A, where it can be.

    Networks whose head is average pooling and a linear layer (ResNet, MobileNetV2, EfficientNet)
    give A directly. Where a LayerNorm stands between pooling and the linear layer (ConvNeXt,
    average-pooled ViT), the norm of the pooled vector is carried onto every place of the map:
    with mu and sigma the mean and deviation of the pooled vector p over channels,

        A'(x) = gamma * (A(x) - mean_c A(x)) / sigma + beta,   mean_x A'(x) = LayerNorm(p),

    which is exact, because sigma is one number an image. Heads with anything else after pooling
    (MobileNetV3) keep `pools_linearly` False: A is the last map and f the input of the classifier.

    Args:
        name: timm's architecture name.
        preprocessing: the contract the weights were trained with.
        model_args: further arguments of `timm.create_model`.

    Attributes:
        head_shape: of one class's weights in timm's classifier: (c,) for a linear layer, (c, 1, 1)
            for a 1 x 1 convolution.

    Raises:
        WeightsError: timm has no such network, or its classifier is not one linear layer.
    """

    @making_networks()
    def __init__(
        self,
        name: str,
        preprocessing: Preprocessing | None = None,
        model_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        cfg = _published(name)
        self.name = name
        self.preprocessing = preprocessing or contract(cfg)
        self.model_args = dict(model_args or {})
        if cfg.get("fixed_input_size"):  # plain timm needs to be told, too, when it reads a bundle
            self.model_args.setdefault("img_size", self.preprocessing.size)
        self.net = _create(name, self.model_args, classes=0)
        self.norm = _norm_after_pooling(self.net)
        self.takes_any_size = not (cfg.get("fixed_input_size") or "img_size" in self.model_args)
        self.num_features, self.pools_linearly, self.reads_map = self._measured()
        if not self.pools_linearly:
            self.obstacle = (
                f"{name} does more than a linear layer after pooling"
                if self.reads_map
                else f"{name} answers from a token of its own, not from its map"
            )
        self.head_shape = self._head_shape()

    @property
    def classifier_name(self) -> str:
        """The classifier's name in timm's state dict ("classifier", "fc", "head.fc")."""
        return classifier_name(self.net)

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch."""
        raw = self.net.forward_features(images)
        if not self.pools_linearly:
            return Embedding(self.as_map(raw), self.net.forward_head(raw, pre_logits=True))
        feature_map = self._normalised(self.as_map(raw))
        return Embedding(feature_map, feature_map.mean((2, 3)))

    def _described(self) -> str:
        return f"{self.name} {dict(sorted(self.model_args.items()))}"

    def as_map(self, raw: Tensor) -> FeatureMap:
        """Bring tokens (b, n, c) or channels-last maps into (b, c, h, w)."""
        if raw.ndim == 3:
            tokens = raw[:, getattr(self.net, "num_prefix_tokens", 0) :].transpose(1, 2)
            return tokens.reshape(*tokens.shape[:2], *_grid(self.net, tokens.shape[2]))
        if getattr(self.net, "output_fmt", "NCHW") == "NHWC":
            return raw.permute(0, 3, 1, 2)
        return raw

    def _normalised(self, feature_map: FeatureMap) -> FeatureMap:
        if self.norm is None:
            return feature_map
        pooled = feature_map.mean((2, 3))
        sigma = (pooled.var(1, unbiased=False) + self.norm.eps).sqrt()
        centred = feature_map - feature_map.mean(1, keepdim=True)
        gamma, beta = self.norm.weight, self.norm.bias
        scaled = centred / sigma[:, None, None, None]
        return torch.addcmul(_per_channel(beta), scaled, _per_channel(gamma))

    def _measured(self) -> tuple[int, bool, bool]:
        try:
            return self._measure()
        except Exception as error:  # a network can fail in any way on a size it is not made for
            size = self.preprocessing.size
            raise WeightsError(
                f"{self.name} gives no map and features for {size} x {size} pixels ({error})",
                expected="a backbone such as mobilenetv2_100, resnet18 or vit_tiny_patch16_224",
            ) from error

    def _measure(self) -> tuple[int, bool, bool]:
        """Return the width of f, whether mean pooling of the map gives it, whether the map does."""
        size = self.preprocessing.size
        probe = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
        with evaluating(self.net), torch.no_grad():
            raw = self.net.forward_features(probe)
            truth = self.net.forward_head(raw, pre_logits=True)
            pooled = self._normalised(self.as_map(raw)).mean((2, 3))
            linear = truth.shape == pooled.shape and close(truth, pooled)
            return truth.shape[1], linear, linear or self._depends(raw)

    def _depends(self, raw: Tensor) -> bool:
        """Whether the features have a slope in any place of the map."""
        with torch.enable_grad():
            begin = raw.detach().requires_grad_()
            found = self.net.forward_head(begin, pre_logits=True).sum()
            (slope,) = torch.autograd.grad(found, begin)
        return bool(self.as_map(slope).abs().max() > 0)

    def _head_shape(self) -> tuple[int, ...]:
        with without_memory():
            whole = _create(self.name, self.model_args, classes=2).state_dict()
        added = whole.keys() - self.net.state_dict().keys()
        weight, bias = f"{self.classifier_name}.weight", f"{self.classifier_name}.bias"
        shape = tuple(whole[weight].shape[1:]) if added == {weight, bias} else ()
        if math.prod(shape) != self.num_features:
            raise WeightsError(
                f"the classifier of {self.name} is not one linear layer"
                f" (it consists of {', '.join(sorted({k.rpartition('.')[0] for k in added}))})",
                expected="a backbone such as mobilenetv2_100, resnet18 or vit_tiny_patch16_224",
            )
        return shape


def classifier_name(net: Any) -> str:  # noqa: ANN401 (timm's models share no class)
    """Return what timm calls a network's classifier."""
    return str(net.pretrained_cfg.get("classifier", "classifier"))


def outline(name: str, model_args: dict[str, Any]) -> nn.Module:
    """Return a network without classifier and without the memory for its weights: names, shapes.

    Raises:
        WeightsError: timm has no such network, or cannot make it with these arguments.
    """
    _published(name)
    with without_memory():
        net: nn.Module = _create(name, model_args, classes=0)
    return net


def contract(pretrained_cfg: dict[str, Any]) -> Preprocessing:
    """Read timm's preprocessing for a network's published weights."""
    interpolation = pretrained_cfg.get("interpolation", "bilinear")
    return Preprocessing(
        size=int(pretrained_cfg.get("input_size", (3, 224, 224))[-1]),
        crop_pct=float(pretrained_cfg.get("crop_pct", 0.875)),
        crop_mode="squash" if pretrained_cfg.get("crop_mode") == "squash" else "center",
        interpolation=interpolation if interpolation in {"bilinear", "bicubic"} else "bicubic",
        mean=tuple(pretrained_cfg.get("mean", (0.485, 0.456, 0.406))),
        std=tuple(pretrained_cfg.get("std", (0.229, 0.224, 0.225))),
    )


def _published(name: str) -> dict[str, Any]:
    """Return timm's configuration of a network's published weights."""
    if not timm.is_model(name):
        near = ", ".join(get_close_matches(name, timm.list_models(), n=5))
        raise WeightsError(
            f"timm has no backbone {name!r}",
            expected=f"a name from timm.list_models(){f', such as {near}' if near else ''}",
        )
    cfg: dict[str, Any] = timm.get_pretrained_cfg(name).to_dict()
    return cfg


def _create(name: str, model_args: dict[str, Any], classes: int) -> Any:  # noqa: ANN401 (timm's models share no class)
    """Make an untrained network.

    The arguments may come from another's bundle: none may load a file or fetch weights.
    """
    own = {"num_classes", *inspect.signature(timm.create_model).parameters}
    if reserved := own & set(model_args):
        raise WeightsError(
            f"arguments for {name} that are not the network's own: {', '.join(sorted(reserved))}",
            expected="arguments that shape the network, such as pad_type",
        )
    try:
        return timm.create_model(name, pretrained=False, num_classes=classes, **model_args)
    except Exception as error:  # a network's constructor can raise nearly anything
        raise WeightsError(
            f"timm cannot make {name} with {model_args} ({error})",
            expected="arguments that the network takes",
        ) from error


def _norm_after_pooling(net: Any) -> Any:  # noqa: ANN401 (LayerNorm or timm's LayerNorm2d)
    """Find the LayerNorm between pooling and classifier, if there is one."""
    candidates: list[Callable[[], Any]] = [lambda: net.fc_norm, lambda: net.head.norm]
    for candidate in candidates:
        try:
            module = candidate()
        except AttributeError:
            continue
        if isinstance(module, nn.LayerNorm):
            return module
    return None


def _grid(net: Any, tokens: int) -> tuple[int, int]:  # noqa: ANN401
    height, width = getattr(getattr(net, "patch_embed", None), "grid_size", (0, 0))
    if height * width == tokens:
        return int(height), int(width)
    side = round(tokens**0.5)
    return side, tokens // side


def _per_channel(values: Tensor) -> Tensor:
    return values[None, :, None, None]


def stages(net: Any, name: str) -> dict[str, int]:  # noqa: ANN401 (timm's models share no class)
    """Return the stage of every parameter by name, as timm groups them.

    MobileNetV2 has 9: stem, seven groups of blocks, last convolution; ResNet has 5.

    Args:
        net: a timm network.
        name: its architecture, for the error.

    Raises:
        WeightsError: timm knows no groups of this network.
    """
    if not hasattr(net, "group_matcher"):
        raise WeightsError(
            f"timm does not say which layers of {name} belong together",
            expected="a backbone with stages, such as mobilenetv2_100 or resnet18",
        )
    found: dict[str, int] = timm.models.group_parameters(
        net, net.group_matcher(coarse=True), reverse=True
    )
    return found


def learning(groups: dict[str, int], count: int | None) -> set[str]:
    """Return the parameters of the last `count` stages; None: of all.

    Args:
        groups: see `stages`.
        count: 0 gives none.
    """
    lowest = 0 if count is None else max(groups.values()) + 1 - count
    return {name for name, stage in groups.items() if stage >= lowest}


def unfreeze(net: nn.Module, groups: dict[str, int], count: int | None) -> None:
    """Let the last `count` stages learn and no others; None lets all.

    Args:
        net: the network.
        groups: see `stages`.
        count: 0 freezes everything.
    """
    chosen = learning(groups, count)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in chosen)
