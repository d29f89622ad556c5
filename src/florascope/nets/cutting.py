"""A classifier cut in two, at the input of one of its modules."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images, hooked

TOLERANCE = 1e-5  # relative to the largest logit: the same sums, maybe in another order


def input_of(network: nn.Module, module: nn.Module, images: Images) -> tuple[Tensor, Any]:
    """What a module within a network is given when that looks at images, and what that answers."""
    found: list[Tensor] = []
    with hooked(before={module: lambda given: found.append(given[0])}):
        answer = network(images)
    return found[0], answer


def above(classifier: Classifier, module: nn.Module, example: Images) -> Classifier | None:
    """Return a classifier that takes a module's inputs in place of images.

    Everything before that module, as the modules were registered, becomes the identity. That the
    rest gives the same logits is *measured* on the example, not assumed.

    Args:
        classifier: in eval mode; it is not changed.
        module: of the network.
        example: (b, 3, H, W) inputs to compare the two on.

    Returns:
        None where the network cannot be cut there: transformers, whose modules hand on tokens.
    """
    upper = copy.deepcopy(classifier)
    net = classifier.backbone.net
    path = next(name for name, found in net.named_modules() if found is module)
    _empty_before(upper.backbone.net, path)
    try:
        with torch.no_grad():
            inputs, truth = input_of(classifier, module, example)
            if inputs.ndim != 4:
                return None
            answer = upper(inputs)
    except (RuntimeError, ValueError, AttributeError, IndexError):
        return None  # a network whose layers do more than follow one another
    same = bool((truth - answer).abs().max() <= TOLERANCE * truth.abs().max())
    return upper if same else None


def _empty_before(net: nn.Module, path: str) -> None:
    """Put the identity in the place of all modules that were registered before one."""
    parent = net
    for step in path.split("."):
        for name, _ in list(parent.named_children()):
            if name == step:
                break
            setattr(parent, name, nn.Identity())
        parent = parent.get_submodule(step)
