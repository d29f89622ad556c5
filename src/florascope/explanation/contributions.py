"""A class's evidence at the feature map, and what speaks for it one block below."""

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
    """Of one class and pass.

    Attributes:
        evidence: (b, h, w) the class activation map.
        positive: (b, h', w') what the places one block below contribute for the class, at least 0.
    """

    evidence: Float[Tensor, "b h w"]
    positive: Float[Tensor, "b h2 w2"]


def contributions(classifier: Classifier, images: Images, targets: Targets) -> Contributions:
    """Return the class activation map, and what speaks for the class at the last block's input.

    With a_c(x) that input and z the target's logit,

        positive(x) = sum_c max(a_c(x) dz/da_c(x), 0),

    the positive part of gradient times activation (Shrikumar et al. 2016). A network without a
    last block is taken at its feature map instead.
    """
    with torch.no_grad(), _inputs_of(last_block(classifier.backbone.net)) as inputs:
        answer = classifier.answer(images)
        weights = classifier.head.weight[targets][:, :, None, None]
        places = answer.map.shape[2] * answer.map.shape[3]
        parts = (answer.map * weights / places).detach()
        if not inputs:
            return Contributions(parts.sum(1), parts.clamp_min(0).sum(1))
        chosen = answer.logits.gather(1, targets[:, None])
        (slope,) = torch.autograd.grad(chosen.sum(), inputs)
    below = classifier.backbone.as_map(slope * inputs[0].detach())
    return Contributions(parts.sum(1), below.clamp_min(0).sum(1))


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
    """Note a block's input and let gradients begin there: nothing below keeps what they need."""
    inputs: list[Tensor] = []

    def cut(_module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs.append(arguments[0].detach().requires_grad_())
        torch.set_grad_enabled(True)  # until the pass's own no_grad ends
        return (inputs[0], *arguments[1:])

    hook = block.register_forward_pre_hook(cut) if block is not None else None
    try:
        yield inputs
    finally:
        if hook is not None:
            hook.remove()
