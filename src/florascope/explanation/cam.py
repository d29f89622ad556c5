"""Class activation maps in closed form: exact, for all classes, in one forward pass."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Targets
from florascope.explanation.upsampling import spread
from florascope.model.backbone import Backbone, Images
from florascope.model.classifier import Classifier


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


def require_linear(backbone: Backbone) -> None:
    """Refuse a network whose logits do not split over its feature map.

    Raises:
        ExplanationError: it does not end in average pooling and a linear layer.
    """
    if not backbone.pools_linearly:
        raise ExplanationError(
            f"{backbone.name} does more than a linear layer after pooling",
            expected="a network of pooled features and a linear head",
            fix="Use --method gradcam",
        )


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
