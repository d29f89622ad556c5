"""LayerCAM: the evidence of any layers of a network, finer and less telling the lower they lie."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Targets, advice
from florascope.explanation.cam import spread
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import After, FeatureMap, Images, hooked, learns

GAMMA = 2.0  # of the paper's equation 9
LAST = "its feature map"


@dataclass(frozen=True)
class LayerCAM:
    """Jiang et al. 2021: activations weighted, place by place, by the positive part of their slope.

        map(x) = sum_c max(d logit / d A_c(x), 0) A_c(x), where positive

    Of one layer, the map is in logit units, to first order, and spread over the pixels. Several
    layers' maps are enlarged and joined by their maximum after tanh(2 map / max map) each, so that
    their values lie in [0, 1).

    Attributes:
        layers: names of modules of the network whose outputs are looked at ("layer3",
            "blocks.5"); none for its last feature map.
    """

    layers: tuple[str, ...] = ()
    name = "layercam"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`.

        Raises:
            ExplanationError: the network has no such layer, or a layer gives no map; or none is
                named and the network does not answer from its feature map.
        """
        chosen, layers = _looked_at(classifier, images, targets, self.layers)
        maps = [weigh_positively(*_as_maps(classifier, *layer)) for layer in layers]
        size = (images.shape[2], images.shape[3])
        values = join(maps, size) if len(maps) > 1 else spread(maps[0], size, maps[0].sum((1, 2)))
        return Attribution(self.name, values, chosen, complete=False)


def weigh_positively(activations: FeatureMap, slopes: FeatureMap) -> Float[Tensor, "b h w"]:
    """Sum the activations over channels, each weighted by the positive part of its slope."""
    return (slopes.clamp_min(0) * activations).sum(1).clamp_min(0).detach()


def join(maps: Sequence[Float[Tensor, "b _ _"]], size: tuple[int, int]) -> Float[Tensor, "b H W"]:
    """Join maps of any sizes: the highest of tanh(2 map / max map) at each pixel."""
    scaled = [
        torch.tanh(GAMMA * m / m.amax((1, 2), keepdim=True).clamp_min(1e-12))[:, None] for m in maps
    ]
    fine = [interpolate(m, size, mode="bilinear", align_corners=False)[:, 0] for m in scaled]
    joined: Float[Tensor, "b H W"] = torch.stack(fine).amax(0)
    return joined


class _Layer(NamedTuple):
    name: str
    output: Tensor
    slope: Tensor | None  # of the logit; None where that does not depend on the layer


def _looked_at(
    classifier: Classifier, images: Images, targets: Targets, names: Sequence[str]
) -> tuple[Float[Tensor, " b"], list[_Layer]]:
    """Return the targets' logits, and layers with their slopes; without names, the last map."""
    if not (names or classifier.backbone.reads_map):
        raise ExplanationError(
            f"{classifier.backbone.name} does not answer from its feature map",
            expected="a network that pools a feature map, or names of other layers",
            fix=f"{advice(classifier.backbone)}, or name layers, such as {_some(classifier)}",
        )
    with torch.enable_grad(), _outputs(classifier, names) as outputs:
        answer = classifier.answer(images.detach().requires_grad_())
        if missing := [name for name in names if name not in outputs]:
            raise ExplanationError(
                f"{missing[0]} puts out no tensor on the way to the network's answer",
                expected=f"layers such as {_some(classifier)}",
            )
        chosen = answer.logits.gather(1, targets[:, None])[:, 0]
        found = {name: outputs[name] for name in names} or {LAST: answer.map}
        slopes = torch.autograd.grad(chosen.sum(), list(found.values()), allow_unused=True)
    layers = zip(found, found.values(), slopes, strict=True)
    return chosen.detach(), [_Layer(*layer) for layer in layers]


def _as_maps(
    classifier: Classifier, name: str, output: Tensor, slope: Tensor | None
) -> tuple[FeatureMap, FeatureMap]:
    if output.ndim not in {3, 4}:
        raise ExplanationError(
            f"{name} gives a tensor of shape {tuple(output.shape)}",
            expected=f"layers that give a map (b, c, h, w) or tokens, such as {_some(classifier)}",
        )
    if slope is None:
        raise ExplanationError(
            f"the answer of {classifier.backbone.name} does not depend on {name}",
            expected=f"layers below what the head reads, such as {_some(classifier)}",
        )
    if name == LAST:
        return output, slope
    as_map = classifier.backbone.as_map
    return as_map(output), as_map(slope)


def _some(classifier: Classifier) -> str:
    names = [name for name, module in classifier.backbone.parts() if learns(module)]
    return ", ".join(names[-4:-1] or names)


@contextmanager
def _outputs(classifier: Classifier, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Note what layers put out while the network looks, as whatever follows in place leaves it."""
    found: dict[str, Tensor] = {}

    def noting(name: str) -> After:
        return lambda output: found.update({name: output} if isinstance(output, Tensor) else {})

    with hooked(after={_module(classifier, name): noting(name) for name in layers}):
        yield found


def _module(classifier: Classifier, name: str) -> nn.Module:
    try:
        module: nn.Module = classifier.backbone.net.get_submodule(name)
    except AttributeError as error:
        raise ExplanationError(
            f"{classifier.backbone.name} has no layer {name!r}",
            expected=f"names of its modules, such as {_some(classifier)}",
        ) from error
    return module
