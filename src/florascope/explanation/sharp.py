"""The sharp map: class evidence at three sizes, shared among the pixels that made it."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from florascope.explanation.attribution import Attribution, Targets, require_linear
from florascope.explanation.cam import spread
from florascope.explanation.guided import guided_filter
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Answer, Classifier
from florascope.nets.extractor import FeatureExtractor, Images, hooked
from florascope.nets.library import timm, without_memory
from florascope.preprocessing import Preprocessing

FLOOR = 1e-3  # of the mean weight: a place whose pixels all weigh nothing shares evenly
EDGE = 1e-3  # variance of colours from 0 to 1 below which the picture is even


def share_out(
    maps: Float[Tensor, "b h w"], weights: Float[Tensor, "b H W"], reach: float = 0
) -> Float[Tensor, "b H W"]:
    """Give each place's evidence to the pixels that it reaches, in proportion to their weights.

    With K_c(x) a tent over place c, 1 in its middle and 0 from `reach` pixels on,

        value(x) = g(x) sum_c K_c(x) m_c / G_c,    G_c = sum_x K_c(x) g(x),

    so that each place keeps its sum and its sign: the weights move evidence by the reach at most
    and make none. Even weights and a reach of one place give the bilinear enlargement.

    Args:
        maps: m, evidence of each place.
        weights: g, at least 0, of each pixel.
        reach: in pixels; a place's own size where that is more.
    """
    mean = weights.mean((1, 2), keepdim=True)
    level = torch.where(mean > 0, mean, torch.ones_like(mean))
    g = weights / level + FLOOR
    rows, columns = (
        _tents(places, pixels, reach).to(g)
        for places, pixels in zip(maps.shape[1:], weights.shape[1:], strict=True)
    )
    reached = rows @ g @ columns.T
    shared: Float[Tensor, "b H W"] = g * (rows.T @ (maps / reached) @ columns)
    return shared


def _tents(places: int, pixels: int, reach: float) -> Float[Tensor, "places pixels"]:
    """What each place of one axis gives each pixel; the border's places keep what lies outside."""
    stride = pixels / places
    middles = (torch.arange(places, dtype=torch.float64) + 0.5) * stride
    pixel = (torch.arange(pixels, dtype=torch.float64) + 0.5).clamp(middles[0], middles[-1])
    return (1 - (pixel - middles[:, None]).abs() / max(reach, stride)).clamp_min(0)


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


def _twin(backbone: FeatureExtractor, stride: int) -> nn.Module | None:
    """Make the network once, and give it the weights of the moment."""
    if backbone.net not in _TWINS:
        _TWINS[backbone.net] = _dilated(backbone, stride)
    twin = _TWINS[backbone.net]
    if twin is not None:
        twin.load_state_dict(backbone.net.state_dict(), assign=True)
    return twin


def _dilated(backbone: FeatureExtractor, stride: int) -> nn.Module | None:
    """Create the dilated form without any weights; None where timm has none."""
    if not isinstance(backbone, Backbone) or stride < 8:  # timm dilates down to a stride of 8
        return None
    arguments = {**backbone.model_args, "output_stride": stride}
    try:
        with without_memory():
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
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), _inputs_of(classifier.backbone.last_block()) as inputs:
        answer = classifier.answer(images)
        return weigh(classifier, answer, inputs[0] if inputs else None, targets)


def weigh(
    classifier: Classifier, answer: Answer, below: Tensor | None, targets: Targets
) -> Contributions:
    """Return the contributions in a pass that has been made, and that may be asked again.

    Args:
        classifier: the network.
        answer: what it answered.
        below: the last block's input, where gradients began; None where there is no last block.
        targets: (b,) the classes.
    """
    weights = classifier.head.weight[targets][:, :, None, None]
    places = answer.map.shape[2] * answer.map.shape[3]
    parts = (answer.map * weights / places).detach()
    if below is None:
        return Contributions(parts.sum(1), parts.clamp_min(0).sum(1))
    chosen = answer.logits.gather(1, targets[:, None])
    (slope,) = torch.autograd.grad(chosen.sum(), below, retain_graph=True)
    spoken = classifier.backbone.as_map(slope * below.detach()).to(parts)
    return Contributions(parts.sum(1), spoken.clamp_min(0).sum(1))


@contextmanager
def _inputs_of(block: nn.Module | None) -> Iterator[list[Tensor]]:
    """Note a block's input and let gradients begin there: nothing below keeps what they need."""
    inputs: list[Tensor] = []

    def cut(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs.append(arguments[0].detach().requires_grad_())
        torch.set_grad_enabled(True)  # until the pass's own no_grad ends
        return (inputs[0], *arguments[1:])

    with hooked({} if block is None else {block: cut}):
        yield inputs


def colours(images: Images, contract: Preprocessing) -> Images:
    """Colours in shares of their range, but for an offset, whatever the network's scaling."""
    std = contract.std if contract.channel_order == "rgb" else contract.std[::-1]
    return images * torch.tensor(std).to(images)[:, None, None]


class View(NamedTuple):
    """A further look at the picture.

    Attributes:
        share: side of the picture as a share of the input's, rounded to whole places.
        unstrided: by the network without its last stride (`unstrided`), or as it is.
    """

    share: float
    unstrided: bool


Values = Float[Tensor, "b H W"]
Look = Callable[[Classifier, Images, Targets], Contributions]
Finer = Callable[[Classifier, int], Classifier]


@dataclass(frozen=True)
class Sharp:
    """Class activation maps whose places hand their evidence to the pixels that made it.

    The picture is looked at three times by the network: as it is, larger, and smaller without the
    network's last stride (see `unstrided`). Each look gives the class activation
    map m and, one block below, what speaks for the class, p (see `contributions`). p, averaged over
    the looks, is smoothed within the picture's edges, by a guided filter whose window is one and a
    half of the network's places wide, to q. Each place then shares its evidence out among the
    pixels around it, as far as the network's own places reach, in proportion to q^2 (`share_out`),
    and the maps are averaged:

        map(x) = mean over looks of share_out(m, q^2)(x) + r q(x)^2 / (sum of q^2).

    Kept: sign and amount of every place's evidence, so that the map is still made of the class's
    own weights, and the sum: map plus bias is the logit, exactly. r is what the larger and smaller
    pictures' logits differ from the picture's own, shared out as the evidence is. Lost: the maps of
    all classes do not come in one pass, and that of a difference of two logits is defined as the
    difference of their maps. The picture decides where, within a place, evidence lies, never how
    much of it there is.

    Where the architecture has no dilated form, the views are as coarse as the network (ViT); where
    it takes one input size alone, there are none.

    All of this was chosen without masks by hand: benchmarks/explanations/truth.py.

    Attributes:
        views: the further looks.
        batch: pictures a pass: few enough for a CPU's cache, where twice as many take longer each.
        look: makes the passes; `florascope.explanation.inference` has a faster way.
        finer: makes the network without its last stride.
    """

    views: tuple[View, ...] = (View(3 / 4, unstrided=True), View(3 / 2, unstrided=False))
    batch: int = 2
    look: Look = contributions
    finer: Finer = unstrided

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        return "sharp"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        require_linear(classifier.backbone)
        parts = [
            self._explain(classifier, *part)
            for part in zip(images.split(self.batch), targets.split(self.batch), strict=True)
        ]
        values, totals = (torch.cat(part) for part in zip(*parts, strict=True))
        return Attribution(self.name, values, totals, complete=True)

    def _explain(
        self, classifier: Classifier, images: Images, targets: Targets
    ) -> tuple[Values, Float[Tensor, " b"]]:
        own = self.look(classifier, images, targets)
        total, size = own.evidence.sum((1, 2)), (images.shape[2], images.shape[3])
        stride = size[0] // own.evidence.shape[1]
        views = self._views(classifier, images, stride)
        found = [own, *(self.look(network, seen, targets) for network, seen in views)]
        spoken = [spread(f.positive, size, f.positive.sum((1, 2))) for f in found]
        within = guided_filter(
            torch.stack(spoken).mean(0),
            colours(images, classifier.preprocessing),
            radius=3 * stride // 4,
            epsilon=EDGE,
            step=max(1, stride // 8),
        )
        weights = within.clamp_min(0).square()
        values = torch.stack([share_out(f.evidence, weights, stride) for f in found]).mean(0)
        rest = total - values.sum((1, 2))
        return values + share_out(rest[:, None, None], weights), total

    def _views(
        self, classifier: Classifier, images: Images, stride: int
    ) -> Iterator[tuple[Classifier, Images]]:
        """Resize the picture, to whole places of the feature map, if the network takes that."""
        if not classifier.backbone.takes_any_size:
            return
        finer = self.finer(classifier, stride)
        for view in self.views:
            size = [max(1, round(view.share * side / stride)) * stride for side in images.shape[2:]]
            seen = interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)
            yield (finer if view.unstrided else classifier), seen
