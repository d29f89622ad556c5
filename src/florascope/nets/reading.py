"""How a network's head reads its last feature map, found out by watching one forward pass."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from florascope.errors import ExplanationError
from florascope.nets.classifier import LinearHead
from florascope.nets.extractor import FeatureMap, Images, close
from florascope.nets.recording import Call, record

Kind = Literal["mean", "places", "token", "map", "none"]
Pooled = Float[Tensor, "b f"]


@dataclass(frozen=True)
class Layout:
    """How a tensor holds a map.

    Attributes:
        kind: "nchw", "nhwc", or "tokens" (b, n, c).
        prefix: tokens before those of the places.
    """

    kind: Literal["nchw", "nhwc", "tokens"] = "nchw"
    prefix: int = 0

    def as_map(self, raw: Tensor) -> FeatureMap:
        """Bring a tensor into (b, c, h, w); tokens are taken for a square.

        Layers below may hold more tokens than the map: those before the largest square are none of
        its places (a class token that the head leaves out).
        """
        if raw.ndim == 3:
            side = math.isqrt(raw.shape[1] - self.prefix)
            tokens = raw[:, -side * side :].transpose(1, 2)
            return tokens.reshape(*tokens.shape[:2], side, side)
        return raw.permute(0, 3, 1, 2) if self.kind == "nhwc" else raw


class Norm(NamedTuple):
    """A LayerNorm between pooling and head; see `florascope.nets.backbone.Backbone`.

    Attributes:
        weight: (c,) gamma.
        bias: (c,) beta.
        eps: added to the variance.
    """

    weight: Tensor
    bias: Tensor
    eps: float

    def on_map(self, feature_map: FeatureMap) -> FeatureMap:
        """Normalise every place by the pooled vector's deviation: its mean is the norm of that."""
        variance = feature_map.mean((2, 3)).var(1, unbiased=False)
        sigma = (variance + self.eps).sqrt()[:, None, None, None]
        centred = feature_map - feature_map.mean(1, keepdim=True)
        affine = (values.to(feature_map) for values in (self.weight, self.bias))
        gamma, beta = (values[None, :, None, None] for values in affine)
        return torch.addcmul(beta, centred / sigma, gamma)


@dataclass(frozen=True, eq=False)
class Reading:
    """What was found. Calls are counted from the end of the pass, 1 for the last.

    Attributes:
        kind: "mean" where the features are the mean of the map, "places" where the head has
            weights of its own for every place (a flattened map), "token" where it reads a
            transformer's first token, "map" where it reads a map in another way, "none" where
            there is no map.
        obstacle: why the logits do not split over the map; empty where they do.
        head: (K, f) weights and (K,) bias: logits = head(features); of "places", f is c h w.
        head_name: of the module that they are taken from; empty where there is none.
        features_at: the call that the features come from.
        features_given: whether they are its first argument, or what it gave.
        map_at: the call that gave the map; 0 where there is none.
        layout: of the map.
        norm: between pooling and head, if there is one.
        functions: names of the last calls, so that another path is noticed.
    """

    kind: Kind
    obstacle: str
    head: LinearHead
    head_name: str
    features_at: int
    features_given: bool
    map_at: int
    layout: Layout
    norm: Norm | None
    functions: tuple[str, ...]

    @property
    def keep(self) -> int:
        """How many of the last calls matter."""
        return max(self.map_at, self.features_at)


class _Head(NamedTuple):
    at: int  # index of its call
    weight: Tensor  # (K, f), or (K, f, 1, 1)
    bias: Tensor  # (K,)
    features: Pooled
    given: bool  # whether the features are the call's first argument


class _Map(NamedTuple):
    kind: Kind
    at: int  # index of its call
    layout: Layout
    norm: Norm | None = None


LINEAR = {"linear": "weight", "conv2d": "weight", "matmul": "other"}
"""Functions that a head may be, and what they call its weights."""
LINKS = {"softmax", "log_softmax", "sigmoid"}  # may follow the logits
TOKENS = 16  # prefix tokens that are looked for: a class token and registers


def read(net: nn.Module, images: Images) -> Reading:
    """Watch a network look at some images, and find its head and the map that this reads.

    Nothing is assumed of its modules: the head is the linear function whose output the logits
    are, and a map is what has the head's input as its mean, both by their numbers.

    Args:
        net: in eval mode.
        images: (b, 3, H, W) normalised; noise will do.

    Raises:
        ExplanationError: the network is no classifier.
    """
    with torch.no_grad():
        scores, calls = record(net, images)
    head = _head(calls, _logits(calls, scores))
    found = _map(calls[: head.at + (not head.given)], head)
    weight = head.weight.detach().flatten(1)
    if found.kind == "places":
        like = calls[found.at].output[0]
        weight = found.layout.as_map(weight.reshape(-1, *like.shape)).flatten(1)
    end = len(calls)
    map_at = 0 if found.kind == "none" else end - found.at
    features_at = end - head.at
    return Reading(
        kind=found.kind,
        obstacle=_obstacle(net, calls, found, head),
        head=LinearHead(weight.float().cpu(), head.bias.detach().float().cpu()),
        head_name=_owner(net, head.weight),
        features_at=features_at,
        features_given=head.given,
        map_at=map_at,
        layout=found.layout,
        norm=found.norm,
        functions=tuple(call.function for call in calls[-max(map_at, features_at) :]),
    )


def _logits(calls: Sequence[Call], scores: Tensor) -> Tensor:
    """Step back over a softmax or sigmoid at the end: what is explained is a logit."""
    for call in reversed(calls):
        if call.function in LINKS and _same(call.output, scores):
            scores = call.args[0]
    return scores


def _head(calls: Sequence[Call], logits: Tensor) -> _Head:
    """Find the last linear function that gave the logits; else take the logits for features.

    It may be a product of matrices to which a bias is added: that is how Keras writes it.
    """
    product, added = _unbiased(calls, logits)
    for at in reversed(range(len(calls))):
        call = calls[at]
        if call.function in LINEAR and _same(call.output, product):
            given, weight = call.args[0], call.argument(1, LINEAR[call.function])
            weight = weight.T if call.function == "matmul" else weight
            if given.numel() == len(logits) * weight[0].numel():
                bias = call.argument(2, "bias") if call.function != "matmul" else None
                bias = added if bias is None else added + bias
                return _Head(at, weight, bias, given.flatten(1), given=True)
    at = max(at for at, call in enumerate(calls) if _same(call.output, logits))
    width = logits.shape[1]
    return _Head(at, torch.eye(width).to(logits), logits.new_zeros(width), logits, given=False)


def _unbiased(calls: Sequence[Call], logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the logits were before a vector was added to them, and the vector."""
    for call in reversed(calls):
        if call.function == "add" and _same(call.output, logits):
            first, second = call.args[0], call.argument(1, "other")
            if isinstance(second, Tensor) and second.numel() == logits.shape[1]:
                return first, second.flatten()
    return logits, logits.new_zeros(logits.shape[1])


def _owner(net: nn.Module, weight: Tensor) -> str:
    """Return the name of the module whose parameter a tensor is."""
    names = (name for name, p in net.named_parameters() if p is weight)
    return next(names, "").rpartition(".")[0]


def _same(output: Tensor, logits: Tensor) -> bool:
    return output.numel() == logits.numel() and torch.equal(output.reshape(logits.shape), logits)


def _map(calls: Sequence[Call], head: _Head) -> _Map:
    """Find what the head reads, from the simplest kind to the last resort."""
    finders = (_pooled, _pooled_and_normed, _flattened, _token, _last)
    found = (finder(calls, head.features) for finder in finders)
    return next((f for f in found if f is not None), _Map("none", 0, Layout()))


def _pooled(calls: Sequence[Call], features: Pooled) -> _Map | None:
    tolerance = 1e-3 if features.dtype == torch.float32 else 5e-2
    for at in reversed(range(len(calls))):
        for layout in _layouts(calls[at].output):
            pooled = layout.as_map(calls[at].output).float().mean((2, 3))
            if pooled.shape == features.shape and close(pooled, features.float(), tolerance):
                return _Map("mean", at, layout)
    return None


def _layouts(output: Tensor) -> Iterator[Layout]:
    """Yield the ways in which a tensor may hold a map of more than one place."""
    if output.ndim == 4:
        kinds: list[Literal["nchw", "nhwc"]] = ["nchw", "nhwc"]
        maps = ((Layout(kind), Layout(kind).as_map(output)) for kind in kinds)
        yield from (layout for layout, m in maps if m.shape[2] * m.shape[3] > 1)
    elif output.ndim == 3:
        for prefix in range(min(TOKENS, output.shape[1] - 3)):
            if round((output.shape[1] - prefix) ** 0.5) ** 2 == output.shape[1] - prefix:
                yield Layout("tokens", prefix)


def _pooled_and_normed(calls: Sequence[Call], features: Pooled) -> _Map | None:
    for at in reversed(range(len(calls))):
        call = calls[at]
        if call.function == "layer_norm" and _same(call.output, features):
            found = _pooled(calls[:at], call.args[0].reshape(features.shape))
            if found is not None:
                return found._replace(norm=_norm(call))
    return None


def _norm(call: Call) -> Norm:
    weight, bias = call.argument(2, "weight"), call.argument(3, "bias")
    like = call.output.flatten(1)[0]
    eps = call.argument(4, "eps")
    return Norm(
        torch.ones_like(like) if weight is None else weight.detach(),
        torch.zeros_like(like) if bias is None else bias.detach(),
        1e-5 if eps is None else float(eps),
    )


def _flattened(calls: Sequence[Call], features: Pooled) -> _Map | None:
    for at in reversed(range(len(calls))):
        output = calls[at].output
        if output.ndim == 4 and _same(output, features):
            square = [la for la in _layouts(output) if len(set(la.as_map(output).shape[2:])) == 1]
            if square:  # as the picture is: so channels are told from places
                return _Map("places", at, square[0])
    return None


def _token(calls: Sequence[Call], features: Pooled) -> _Map | None:
    for at in reversed(range(len(calls))):
        output = calls[at].output
        layout = next(iter(_layouts(output)), None) if output.ndim == 3 else None
        if layout is not None and output.shape[2] == features.shape[1]:  # noqa: SIM102
            if torch.equal(output[:, 0], features):
                return _Map("token", at, layout)
    return None


def _last(calls: Sequence[Call], features: Pooled) -> _Map | None:  # noqa: ARG001 (as the others)
    """Take the last map of channels that convolutions gave."""
    convolved = [at for at, call in enumerate(calls) if call.function == "conv2d"]
    maps = [
        at
        for at in range(convolved[0] if convolved else len(calls), len(calls))
        if calls[at].output.ndim == 4 and min(calls[at].output.shape[2:]) > 1
    ]
    return _Map("map", maps[-1], Layout()) if maps else None


def _obstacle(net: nn.Module, calls: Sequence[Call], found: _Map, head: _Head) -> str:
    """Say why the logits do not split over the map; nothing where they do."""
    name = type(net).__name__
    if found.kind in {"mean", "places"}:
        return ""
    if found.kind == "token":
        return f"{name} answers from a token of its own, not from its map"
    if found.kind == "none":
        return f"{name} has no feature map that can be seen"
    between = [call.function for call in calls[found.at + 1 : head.at]]
    steps = ", ".join(dict.fromkeys(between))
    return f"{name} does more than average and a linear layer after its last map ({steps})"


def class_map(feature_map: FeatureMap, head: LinearHead) -> Float[Tensor, "b k h w"]:
    """Return what each place of a flattened map says of each class, times the number of places.

    logits - bias are then its mean, as those of a pooled map.
    """
    places = feature_map.shape[2:]
    weight = head.weight.to(feature_map).reshape(len(head.weight), -1, *places)
    return torch.einsum("kchw,bchw->bkhw", weight, feature_map) * places.numel()


def centred_noise(count: int, size: int) -> Images:
    """Draw (count, 3, size, size) normal noise, always the same."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, size, size, generator=draw, dtype=torch.float32)


def read_again(net: nn.Module, found: Reading, images: Images) -> bool:
    """Whether the network takes images of another size by the same path."""
    try:
        with torch.no_grad():
            _, calls = record(net, images, found.keep)
    except (RuntimeError, ValueError, AssertionError, ExplanationError, IndexError):
        return False  # how networks refuse a size
    return tuple(call.function for call in calls) == found.functions
