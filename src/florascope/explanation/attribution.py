"""The record every explainer produces, and which explainers fit which network."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int64
from torch import Tensor

from florascope.errors import ExplanationError
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import FeatureExtractor, Images
from florascope.nets.token_stream import writes_a_token

Targets = Int64[Tensor, " b"]


@dataclass(frozen=True)
class Attribution:
    """How much each place of each input speaks for (+) or against (-) a class.

    Attributes:
        method: the explainer's name ("cam", "sharp", "direct", "legrad", "gradcam", ...).
        values: (b, H, W) at the size of the network's input, in logit units: the evidence of one
            input pixel, so that a complete method's values sum to `total`.
        total: (b,) what the values of a complete method sum to: the target's logit less the bias
            (class activation maps), or less the baseline's logit (Integrated Gradients). Of a
            partial method, the logit less the bias.
        complete: whether the method promises that sum.
        partial: whether the rest of the total is known, and left out on purpose.
    """

    method: str
    values: Float[Tensor, "b H W"]
    total: Float[Tensor, " b"]
    complete: bool
    partial: bool = False

    @property
    def gap(self) -> Float[Tensor, " b"]:
        """Completeness gap |sum of values - total| / |total|, (b,), 0 for an exact explanation."""
        total = self.total.abs().clamp_min(1e-12)
        return (self.values.sum((1, 2)) - self.total).abs() / total

    @property
    def left_out(self) -> Float[Tensor, " b"]:
        """Share |rest| / (|sum of values| + |rest|) of what is not in the map, (b,), 0 to 1."""
        held = self.values.sum((1, 2))
        rest = (self.total - held).abs()
        return rest / (held.abs() + rest).clamp_min(1e-12)


@runtime_checkable
class Explainer(Protocol):
    """Anything that attributes a class's logit to the places of an input.

    An explainer leaves the classifier as it found it: mode, gradients and hooks.
    """

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        ...

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain the logits `classifier(images)[i, targets[i]]`.

        Args:
            classifier: the network, in eval mode.
            images: (b, 3, H, W) normalised inputs.
            targets: (b,) class indexes.

        Raises:
            ExplanationError: the method does not exist for this network.
        """
        ...


ASKED = ("occlusion",)


def fitting_methods(backbone: FeatureExtractor) -> tuple[str, ...]:
    """Return the names of the methods that exist for a network, the most telling first.

    Where logits split over the map: "sharp", "cam", "gradcam" (which is "cam" once more),
    "layercam" and "ig". Where the network reads its map in another way, "gradcam", "layercam" and
    "ig". Where it reads a token that its blocks add to, "direct", "legrad" and "ig"; else "ig",
    which needs a gradient alone. Of layers that are named, "layercam" exists for all. "occlusion",
    the slowest, asks for the answer alone, and so is there for every network; without gradients
    only "cam", "sharp" and it are left.
    """
    if not backbone.differentiable:
        return ("cam", "sharp", *ASKED) if backbone.pools_linearly else ASKED
    if backbone.pools_linearly:
        return ("sharp", "cam", "gradcam", "layercam", "ig", *ASKED)
    if backbone.reads_map:
        return ("gradcam", "layercam", "ig", *ASKED)
    return ("direct", "legrad", "ig", *ASKED) if writes_a_token(backbone) else ("ig", *ASKED)


def require_linear(backbone: FeatureExtractor) -> None:
    """Refuse a network whose logits do not split over its feature map.

    Raises:
        ExplanationError: it does not end in average pooling and a linear layer.
    """
    if not backbone.pools_linearly:
        raise ExplanationError(
            backbone.obstacle,
            expected="a network of pooled features and a linear head",
            fix=advice(backbone),
        )


def require_token(backbone: FeatureExtractor) -> None:
    """Refuse a network whose features are no token that its blocks add to.

    Raises:
        ExplanationError: it is no such transformer.
    """
    if not writes_a_token(backbone):
        raise ExplanationError(
            f"{backbone.name} does not answer from a token that its blocks add to",
            expected="a timm VisionTransformer with a linear head on its class token",
            fix=advice(backbone),
        )


def require_gradients(backbone: FeatureExtractor) -> None:
    """Refuse a network that PyTorch cannot follow back to its input.

    Raises:
        ExplanationError: it is an ONNX graph.
    """
    if not backbone.differentiable:
        raise ExplanationError(
            f"{backbone.name} runs in ONNX Runtime, which gives no gradients",
            expected="a method that needs none",
            fix=advice(backbone),
        )


def advice(backbone: FeatureExtractor) -> str:
    """Say which methods exist for a network."""
    return "Use " + " or ".join(f"`method={name!r}`" for name in fitting_methods(backbone))
