"""The stages of a backbone, from its stem (0) to its last layers."""

from typing import Any

from timm.models import group_parameters
from torch import nn

from florascope.errors import WeightsError


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
    found: dict[str, int] = group_parameters(net, net.group_matcher(coarse=True), reverse=True)
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
