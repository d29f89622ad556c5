"""Class activation maps: in closed form, and Grad-CAM by autograd."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.errors import ExplanationError
from florascope.explanation.attribution import (
    Attribution,
    Targets,
    advice,
    require_gradients,
    require_linear,
)
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images


def spread(
    maps: Float[Tensor, "b h w"], size: tuple[int, int], total: Float[Tensor, " b"]
) -> Float[Tensor, "b H W"]:
    """Spread per-place evidence over the pixels, bilinearly, so that each map keeps its sum.

    Half-pixel centres keep the sum exactly for whole factors; what rounding or another factor
    leaves over is shared evenly among all pixels.

    Args:
        maps: evidence of each place.
        size: (H, W).
        total: what each map sums to.
    """
    places, pixels = maps.shape[1] * maps.shape[2], size[0] * size[1]
    fine = interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    fine = fine * (places / pixels)
    left_over = (total - fine.sum((1, 2))) / pixels
    spread_out: Float[Tensor, "b H W"] = fine + left_over[:, None, None]
    return spread_out


class ClassMaps(NamedTuple):
    """The maps of every class.

    Attributes:
        logits: (b, K).
        maps: (b, K, h, w) in logit units; maps.sum((2, 3)) + bias = logits.
    """

    logits: Float[Tensor, "b k"]
    maps: Float[Tensor, "b k h w"]


def class_maps(classifier: Classifier, images: Images) -> ClassMaps:
    """Split each logit over the places of the feature map (Zhou et al. 2016).

        logit_k - b_k = sum_c W_kc mean_x A_c(x) = sum_x [ sum_c W_kc A_c(x) / (h w) ]

    The bracket is the map. It equals Grad-CAM (Selvaraju et al. 2017) without its final ReLU,
    times 1 / (h w) where Grad-CAM averages gradients and sums evidence.

    Raises:
        ExplanationError: the network does not end in average pooling and a linear layer.
    """
    require_linear(classifier.backbone)
    with torch.no_grad():
        answer = classifier.answer(images)
        kernel = classifier.head.weight[:, :, None, None]
        places = answer.map.shape[2] * answer.map.shape[3]
        return ClassMaps(answer.logits, torch.conv2d(answer.map, kernel) / places)


class ClassActivationMap:
    """The map of one class, spread over the input's pixels."""

    name = "cam"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        logits, maps = class_maps(classifier, images)
        rows = torch.arange(len(targets))
        total = logits[rows, targets] - classifier.head.bias.detach()[targets]
        height, width = images.shape[2:]
        values = spread(maps[rows, targets], (height, width), total)
        return Attribution(self.name, values, total, complete=True)


class GradCAM:
    """Selvaraju et al. 2017, signed: the final ReLU is left out, so evidence against shows.

    With alpha_c the mean over the map of d logit / d A_c(x),

        map(x) = sum_c alpha_c A_c(x),

    which for pooled features and a linear head is the class activation map itself. For other
    heads it is a first-order approximation and does not sum to the logit.
    """

    name = "gradcam"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        require_gradients(classifier.backbone)
        if not classifier.backbone.reads_map:
            raise ExplanationError(
                f"{classifier.backbone.name} does not answer from its spatial map",
                expected="a network that pools a feature map",
                fix=advice(classifier.backbone),
            )
        with torch.enable_grad():
            logits, feature_map, _ = classifier.answer(images.detach().requires_grad_())
            chosen = logits[torch.arange(len(targets)), targets]
            (gradient,) = torch.autograd.grad(chosen.sum(), feature_map)
        weights = gradient.mean((2, 3), keepdim=True)
        maps = (weights * feature_map.detach()).sum(1)
        height, width = images.shape[2:]
        values = spread(maps, (height, width), maps.sum((1, 2)))
        return Attribution(self.name, values, chosen.detach(), complete=False)
