"""What each place contributes to a logit, for and against, one block below the feature map."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from florascope.explanation.attribution import Targets
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier


class Contributions(NamedTuple):
    """Of the places of a feature map.

    Attributes:
        positive: (b, h, w) what speaks for the class, at least 0.
        negative: (b, h, w) what speaks against it, at least 0.
    """

    positive: Float[Tensor, "b h w"]
    negative: Float[Tensor, "b h w"]


def contributions(classifier: Classifier, images: Images, targets: Targets) -> Contributions:
    """Split gradient times activation at the input of the last block by its sign.

    With a_c(x) that input and z the target's logit,

        positive(x) = sum_c max(a_c(x) dz/da_c(x), 0),
        negative(x) = sum_c max(-a_c(x) dz/da_c(x), 0).

    Their difference is gradient times activation (Shrikumar et al. 2016): for blocks that are
    piecewise linear, the part of the logit that the activations cause; the rest are biases.
    A network without a last block is taken at its feature map instead, where the difference is
    the class activation map.
    """
    with torch.enable_grad(), _inputs_of(last_block(classifier.backbone.net)) as inputs:
        answer = classifier.answer(images)
        if not inputs:
            weights = classifier.head.weight[targets][:, :, None, None]
            places = answer.map.shape[2] * answer.map.shape[3]
            return _by_sign((answer.map * weights / places).detach())
        chosen = answer.logits.gather(1, targets[:, None])
        (slope,) = torch.autograd.grad(chosen.sum(), inputs)
    return _by_sign(classifier.backbone.as_map(slope * inputs[0].detach()))


def last_block(net: nn.Module) -> nn.Module | None:
    """Return the last block of the last stage, or None where the network has no stages.

    Stages are the network's sequences of modules: it is blocks[-1][-1] of MobileNetV2 and
    EfficientNet, layer4[-1] of a ResNet, stages[-1].blocks[-1] of a ConvNeXt, blocks[-1] of a ViT.
    """
    sequences = [m for m in net.children() if _is_sequence(m) and any(True for _ in m.parameters())]
    block: Any = sequences[-1] if sequences else None
    while _is_sequence(inner := getattr(block, "blocks", block)):
        block = inner[-1]
    return block


def _is_sequence(module: Any) -> bool:  # noqa: ANN401 (any attribute)
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(module) > 0


@contextmanager
def _inputs_of(block: nn.Module | None) -> Iterator[list[Tensor]]:
    """Note a block's input and cut the graph there: nothing below needs gradients."""
    inputs: list[Tensor] = []

    def cut(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs.append(arguments[0].detach().requires_grad_())
        return (inputs[0], *arguments[1:])

    hook = block.register_forward_pre_hook(cut) if block is not None else None
    try:
        yield inputs
    finally:
        if hook is not None:
            hook.remove()


def _by_sign(parts: Float[Tensor, "b c h w"]) -> Contributions:
    return Contributions(parts.clamp_min(0).sum(1), (-parts).clamp_min(0).sum(1))
