"""The same network with its last subsampling taken out: maps twice as fine, the same weights."""

import copy
from typing import Any
from weakref import WeakKeyDictionary

import timm
import torch
from torch import nn

from florascope.model.backbone import Backbone
from florascope.model.classifier import Classifier

_TWINS: WeakKeyDictionary[nn.Module, nn.Module | None] = WeakKeyDictionary()


def unstrided(classifier: Classifier, stride: int) -> Classifier:
    """Return a classifier whose feature map has twice the height and width, weights shared.

    The last layer with a stride moves by single places instead, and the layers after it reach
    twice as far between their taps (dilation, "à trous", Yu and Koltun 2016). The map then
    interleaves four maps of the network: with A of the network and A' of this one,

        A'(2 i, 2 j) = A(i, j),

    exactly, where the network pads symmetrically and no layer after that stride looks at the whole
    map (squeeze-and-excitation does); the other three are those of the picture shifted by half a
    place. The linear head fits all of them.

    Args:
        classifier: left as it is; its weights are read, not copied.
        stride: pixels between two places of its feature map.

    Returns:
        The finer classifier, or the classifier itself where its architecture has no dilated form
        (transformers, MobileNetV3).
    """
    net = _twin(classifier.backbone, stride // 2)
    return classifier if net is None else _with_net(classifier, net)


def _twin(backbone: Backbone, stride: int) -> nn.Module | None:
    """Make the network once, and give it the weights of the moment."""
    if backbone.net not in _TWINS:
        _TWINS[backbone.net] = _dilated(backbone, stride)
    twin = _TWINS[backbone.net]
    if twin is not None:
        twin.load_state_dict(backbone.net.state_dict(), assign=True)
    return twin


def _dilated(backbone: Backbone, stride: int) -> nn.Module | None:
    """Create the dilated form without any weights; None where timm has none."""
    if not timm.is_model(backbone.name) or stride < 8:  # timm dilates down to a stride of 8
        return None
    arguments = {**backbone.model_args, "output_stride": stride}
    try:
        with torch.device("meta"):
            net: nn.Module = timm.create_model(
                backbone.name, pretrained=False, num_classes=0, **arguments
            )
    except (TypeError, NotImplementedError, AssertionError):  # how constructors refuse a stride
        return None
    own = net.state_dict().keys()
    unsaved = any(name not in own for name, _ in net.named_buffers())
    fits = own == backbone.net.state_dict().keys() and not unsaved
    return net.eval().requires_grad_(requires_grad=False) if fits else None


def _with_net(classifier: Classifier, net: nn.Module) -> Classifier:
    """Copy the shells of classifier and backbone around another network."""
    backbone, finer = _shell(classifier.backbone), _shell(classifier)
    backbone.net = net
    finer.backbone = backbone
    return finer


def _shell(module: Any) -> Any:  # noqa: ANN401 (any module, the same kind again)
    shell = copy.copy(module)
    shell._modules = dict(module._modules)  # noqa: SLF001 (nn.Module offers no other way)
    shell._compiled_call_impl = None  # noqa: SLF001 (a compiled call would run the original)
    return shell
