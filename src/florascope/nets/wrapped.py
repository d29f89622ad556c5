"""Any image classifier of PyTorch's, brought into the form that is explained."""

import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.errors import ExplanationError
from florascope.nets.backbone import contract
from florascope.nets.classifier import Classifier, LinearHead, two_classes
from florascope.nets.extractor import (
    Embedding,
    FeatureExtractor,
    FeatureMap,
    Images,
    evaluating,
    is_sequence,
    last_block,
)
from florascope.nets.library import making_networks
from florascope.nets.reading import Reading, centred_noise, class_map, read, read_again
from florascope.nets.recording import record
from florascope.nets.told import of_processor, read_json
from florascope.preprocessing import Preprocessing

COLOURS = 3


def wrap(
    model: nn.Module,
    classes: Sequence[str | ClassName] | None = None,
    preprocessing: Preprocessing | None = None,
) -> Classifier:
    """Make any image classifier of PyTorch's one that can be explained and audited.

        net = fs.wrap(torchvision.models.resnet18(weights="DEFAULT"), classes=names)
        fs.explain(net, "photo.jpg").save("why.png")

    The linear head and the map that it reads are found by watching one forward pass, and that the
    head reads the map's mean is *measured*, not assumed: see `florascope.nets.reading`. Where it
    does not, `backbone.obstacle` says why, and methods that need no such form are left.

    Args:
        model: from (b, 3, H, W) to (b, K): torchvision's, timm's, Hugging Face's or one's own. It
            is not copied: its weights are read whenever it answers; the head's are read now. It
            may lie on any device, in any precision, and be compiled by torch.compile.
        classes: names of the K classes; None takes the model's own where it has some
            (`config.id2label`), else the indexes.
        preprocessing: how the model's photos are prepared; None takes what the model says (timm;
            Hugging Face, where preprocessor_config.json lies beside the weights), else ImageNet's
            at 224 pixels.

    Returns:
        A classifier in eval mode; the model itself is left in whatever mode it is in.

    Raises:
        ExplanationError: the model cannot take such pictures, gives no scores, or another number
            of them than there are classes.
    """
    if isinstance(model, Classifier):
        return model
    backbone = WrappedNetwork(model, preprocessing or preprocessing_of(model))
    return with_head(backbone, backbone.head, model, classes)


def with_head(
    backbone: FeatureExtractor,
    head: LinearHead,
    model: Any,  # noqa: ANN401 (any network)
    classes: Sequence[str | ClassName] | None,
) -> Classifier:
    """Join what was read of a network to a classifier in eval mode; the network keeps its own.

    Args:
        backbone: up to the features.
        head: over them.
        model: the network, which may name its classes (`config.id2label`).
        classes: their names, else.

    Raises:
        ExplanationError: there are more names than classes, or fewer.
    """
    classifier = Classifier(backbone, _classes(model, classes, len(head.bias)))
    with making_networks():
        classifier.head = nn.Linear(head.weight.shape[1], len(head.bias))
    classifier.set_head(head.weight, head.bias)
    for module in (classifier, backbone, classifier.head):
        module.training = False  # not .eval(), which would reach into the model
    return classifier


class WrappedNetwork(FeatureExtractor):
    """A network that was not made here, up to the features that its head reads.

    Args:
        model: the whole network, head included.
        preprocessing: the contract of its input.

    Attributes:
        reading: how its head reads its map.
        head: (K, f) and (K,): logits = head(features); see `two_classes`.

    Raises:
        ExplanationError: the network cannot take such pictures, or is no classifier.
    """

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.net = getattr(model, "_orig_mod", model)  # torch.compile's wrapper hides all steps
        self.name = type(self.net).__name__
        self.preprocessing = preprocessing
        _refuse_headless(self.net)
        with evaluating(self.net):
            self.reading = self._read()
            smaller = centred_noise(1, max(32, 3 * preprocessing.size // 4 // 32 * 32))
            self.takes_any_size = read_again(self.net, self.reading, smaller)
        self.obstacle = self.reading.obstacle
        self.pools_linearly = not self.obstacle
        self.reads_map = self.reading.kind not in {"token", "none"}
        flat = self.reading.kind == "places"
        self.takes_any_size &= not flat
        head = self.reading.head
        head = LinearHead(torch.eye(len(head.bias)).to(head.bias), head.bias) if flat else head
        self.head, self.num_features = two_classes(head), head.weight.shape[1]

    def forward(self, images: Images) -> Embedding:
        """Embed a normalised batch, on the images' device and in their precision."""
        with evaluating(self.net):
            _, calls = record(self.net, images, self.reading.keep)
        if tuple(call.function for call in calls) != self.reading.functions:
            raise ExplanationError(
                f"{self.name} took another path for pictures of {tuple(images.shape)}",
                expected="the path that it took when it was wrapped",
                fix="Wrap it with the preprocessing of the pictures that it is to explain",
            )
        call = calls[-self.reading.features_at]
        features = (call.args[0] if self.reading.features_given else call.output).flatten(1)
        return self._embedding(calls[-self.reading.map_at].output, features, images)

    def _embedding(self, raw: Tensor, features: Tensor, images: Images) -> Embedding:
        features = features.to(images)
        if self.reading.kind == "none":
            return Embedding(features[:, :, None, None], features)
        feature_map = self.reading.layout.as_map(raw).to(images)
        if not self.pools_linearly:
            return Embedding(feature_map, features)
        if self.reading.norm is not None:
            feature_map = self.reading.norm.on_map(feature_map)
        if self.reading.kind == "places":
            feature_map = class_map(feature_map, self.reading.head)
        return Embedding(feature_map, feature_map.mean((2, 3)))

    def as_map(self, raw: Tensor) -> FeatureMap:
        """Bring what a layer puts out into (b, c, h, w), laid out as the last map is."""
        return self.reading.layout.as_map(raw)

    def last_block(self) -> nn.Module | None:
        """Return the last part of the network's body; None where it is no sequence of parts."""
        body, parts = self._body()
        before = [module for _, module in parts if self._head() not in module.modules()]
        return before[-1] if is_sequence(body) and before else last_block(body, before)

    def parts(self) -> list[tuple[str, nn.Module]]:
        """Return the parts of the body, sequences taken apart, the head left out."""
        return [
            (f"{name}.{inner}" if inner else name, part)
            for name, module in self._body()[1]
            for inner, part in (self._children(module) if is_sequence(module) else [("", module)])
        ]

    def _body(self) -> tuple[Any, list[tuple[str, Any]]]:
        """Go down to where the network falls into several parts besides its head."""
        body: Any = self.net
        parts = self._children(body)
        while len(parts) == 1 and self._children(parts[0][1]):
            ((_, body),) = parts
            parts = self._children(body)
        return body, parts

    def _children(self, module: nn.Module) -> list[tuple[str, nn.Module]]:
        """Return the children that have parameters, the head's module left out."""
        head = self._head()
        return [
            (name, child)
            for name, child in module.named_children()
            if any(_learning(part, head) for part in child.modules())
        ]

    def _head(self) -> nn.Module | None:
        name = self.reading.head_name
        return self.net.get_submodule(name) if name else None

    def _read(self) -> Reading:
        size = self.preprocessing.size
        try:
            return read(self.net, centred_noise(2, size))
        except (RuntimeError, ValueError, AssertionError, TypeError) as error:
            raise ExplanationError(
                f"{self.name} cannot look at pictures of {size} x {size} pixels ({error})",
                expected="a network from (b, 3, H, W) to (b, classes)",
                fix=_way_in(self.net, size),
            ) from error


HEADS = ("fc", "classifier", "head", "heads", "last_linear")
"""What networks call their last layer, which whoever wants features alone takes out."""


def _refuse_headless(net: nn.Module) -> None:
    """Refuse a network whose head was taken out: its features are no classes.

    Raises:
        ExplanationError: it was.
    """
    there = (getattr(net, name, None) for name in HEADS)
    heads = [head for head in there if isinstance(head, nn.Module)]
    taken_out = getattr(net, "num_classes", None) == 0 or any(
        isinstance(head, nn.Identity) or (isinstance(head, nn.Sequential) and not len(head))
        for head in heads
    )
    # A head that was put in afterwards changes no count that the network keeps.
    if taken_out and not any(True for head in heads for _ in head.parameters()):
        raise ExplanationError(
            f"{type(net).__name__} gives features and no classes: its head was taken out",
            expected="a network with a score a class",
            fix="Make it with one (num_classes=...), or hand over torch.nn.Sequential(net, head)",
        )


def _way_in(net: nn.Module, size: int) -> str:
    """Say how a network that refused colour pictures of one size may yet take photos."""
    first = next((m for m in net.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or first.in_channels == COLOURS:
        own = _own_size(net, size) or "..."
        return (
            "Hand its own size over:"
            f" florascope.wrap(net, preprocessing=florascope.Preprocessing(size={own}))"
        )
    if first.in_channels == 1:
        return (
            "It looks at grey pictures: hand over"
            " torch.nn.Sequential(torchvision.transforms.Grayscale(), net)"
        )
    return (
        f"It looks at {first.in_channels} channels: hand over torch.nn.Sequential(layer, net),"
        " whose layer makes them of red, green and blue"
    )


class _MetError(Exception):
    """Ends a pass at a linear layer that was given another number of values than it takes."""

    def __init__(self, layer: nn.Linear, given: int) -> None:
        super().__init__()
        self.layer, self.given = layer, given


def _refuse_width(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
    assert isinstance(layer, nn.Linear)
    if args[0].shape[-1] != layer.in_features:
        raise _MetError(layer, args[0].shape[-1])


def _own_size(net: nn.Module, refused: int) -> int | None:
    """Find the size of the pictures whose map, flattened, has a linear layer's number of values.

    That number grows with the size, so that the sizes are found by bisection. Several of them
    often do, as strides round: the one that can be halved most often is taken.

    Args:
        net: in eval mode.
        refused: a size that it does not take.
    """
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    with ExitStack() as stack:
        for layer in linear:
            stack.callback(layer.register_forward_pre_hook(_refuse_width).remove)
        met = _met(net, refused)
        if met is None:
            return None

        def given(size: int) -> int:
            other = _met(net, size)
            return met.layer.in_features if other is None else other.given

        takes = range(
            bisect_left(SIZES, met.layer.in_features, key=given),
            bisect_right(SIZES, met.layer.in_features, key=given),
        )
        return max((SIZES[at] for at in takes), key=lambda size: size & -size, default=None)


SIZES = range(8, 513)  # beyond, a pass takes seconds


def _met(net: nn.Module, size: int) -> _MetError | None:
    """Return where a pass ends for pictures of a size; None where it does not.

    What fails before any linear layer is taken for a picture that is too small.
    """
    try:
        with torch.no_grad():
            record(net, centred_noise(1, size), 1)
    except _MetError as met:
        return met
    except (RuntimeError, ValueError, AssertionError):
        with making_networks():
            return _MetError(nn.Linear(1, 1), 0)
    except ExplanationError:  # it went through, to something else than scores
        return None
    return None


def _learning(module: nn.Module, head: nn.Module | None) -> bool:
    """Whether a module has parameters of its own and is not the head."""
    return module is not head and any(True for _ in module.parameters(recurse=False))


def preprocessing_of(model: Any) -> Preprocessing:  # noqa: ANN401 (any network)
    """Return what a network says of its own input, else ImageNet's usual at 224 pixels.

    A Hugging Face network says its size alone; how photos are normalised lies beside its weights,
    in preprocessor_config.json. Where that is not there, a warning says what is assumed.
    """
    published, config = getattr(model, "pretrained_cfg", None), getattr(model, "config", None)
    if isinstance(published, Mapping):
        return contract(dict(published))
    size, folder = getattr(config, "image_size", None), getattr(config, "_name_or_path", "")
    beside = Path(folder) / "preprocessor_config.json"
    if folder and beside.is_file():
        return of_processor(read_json(beside))
    if hasattr(config, "model_type"):
        warnings.warn(
            f"{type(model).__name__} does not say how its photos are normalised: ImageNet's mean"
            " and deviation are taken; hand its image processor over as `preprocessing=`",
            stacklevel=3,
        )
    return Preprocessing(size=size) if isinstance(size, int) else Preprocessing()


def _classes(
    model: Any,  # noqa: ANN401 (any network)
    names: Sequence[str | ClassName] | None,
    count: int,
) -> tuple[ClassName, ...]:
    labels = getattr(getattr(model, "config", None), "id2label", None) or {}
    if names is None:
        names = [str(labels.get(index, index)) for index in range(count)]
    if len(names) != count:
        raise ExplanationError(
            f"{len(names)} names for {count} classes", expected="a name a class, in their order"
        )
    return tuple(
        name if isinstance(name, ClassName) else ClassName(str(index), str(name))
        for index, name in enumerate(names)
    )
