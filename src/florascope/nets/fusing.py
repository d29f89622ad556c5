"""BatchNorm that stands still, folded into the convolution before it: the same network, faster."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from florascope.nets.extractor import Images, evaluating

TOLERANCE = 1e-3  # relative to the largest output: float rounding through some fifty layers


@dataclass(frozen=True, slots=True)
class Pair:
    """A convolution and the BatchNorm that follows it.

    Attributes:
        conv: the convolution's name.
        norm: the BatchNorm's name.
        biased: whether the convolution had a bias of its own.
        eps: of the BatchNorm.
    """

    conv: str
    norm: str
    biased: bool
    eps: float


@dataclass(frozen=True)
class Fused:
    """A network without its BatchNorms, and the way back to the original names.

    Attributes:
        net: a copy of the network, each pair one convolution.
        pairs: what was fused; empty where the network cannot be.
    """

    net: nn.Module
    pairs: tuple[Pair, ...]

    def unfused(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return a state of `net` in the original network's names.

        Each BatchNorm comes back as a shift alone: running mean 0, variance 1 - eps, scale 1.
        """
        whole = dict(state)
        for pair in self.pairs:
            whole |= _apart(pair, whole.pop(f"{pair.conv}.bias"))
        return whole


def fuse(net: nn.Module, example: Images) -> Fused:
    """Fold every BatchNorm in eval mode into the convolution before it.

        gamma (W x - mean) / sigma + beta = (gamma W / sigma) x + (beta - gamma mean / sigma)

    with sigma = sqrt(var + eps).

    While BatchNorm keeps still, the folded network can be trained in place of the original: it
    computes the same function with half the passes over memory. That it does is *measured* on the
    example, not assumed from the order of the modules; where it does not, a plain copy comes back.

    Args:
        net: a convolutional network; it is not changed.
        example: (b, 3, H, W) inputs to compare the two on.
    """
    fused = copy.deepcopy(net).eval()
    pairs = tuple(_pairs(fused))
    for pair in pairs:
        norm: Any = fused.get_submodule(pair.norm)
        conv: Any = fused.get_submodule(pair.conv)
        fused.set_submodule(pair.conv, fuse_conv_bn_eval(conv, norm))
        fused.set_submodule(pair.norm, getattr(norm, "act", nn.Identity()))
    if pairs and _agree(net, fused, example):
        return Fused(fused, pairs)
    return Fused(copy.deepcopy(net).eval(), ())


def _pairs(net: nn.Module) -> Iterator[Pair]:
    """Find neighbours of the right kinds and widths, in the order in which modules were made."""
    for prefix, parent in net.named_modules():
        children = list(parent.named_children())
        for (first, conv), (second, norm) in pairwise(children):
            if (
                isinstance(conv, nn.Conv2d)
                and isinstance(norm, nn.BatchNorm2d)
                and norm.track_running_stats
                and conv.out_channels == norm.num_features
            ):
                names = [f"{prefix}.{name}" if prefix else name for name in (first, second)]
                yield Pair(names[0], names[1], conv.bias is not None, norm.eps)


def _agree(net: nn.Module, fused: nn.Module, example: Images) -> bool:
    with evaluating(net), torch.no_grad():
        truth, found = net(example), fused(example)
    return bool((truth - found).abs().max() <= TOLERANCE * truth.abs().max())


def _apart(pair: Pair, bias: Tensor) -> dict[str, Tensor]:
    """State of the BatchNorm, and of a bias that the convolution had before."""
    parts = {
        f"{pair.norm}.weight": torch.ones_like(bias),
        f"{pair.norm}.bias": bias,
        f"{pair.norm}.running_mean": torch.zeros_like(bias),
        f"{pair.norm}.running_var": torch.full_like(bias, 1.0 - pair.eps),
        f"{pair.norm}.num_batches_tracked": torch.tensor(0),
    }
    return {**parts, f"{pair.conv}.bias": torch.zeros_like(bias)} if pair.biased else parts
