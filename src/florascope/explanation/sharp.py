"""Maps fine enough to tell a petal from a leaf, in logit units."""

from collections.abc import Iterator
from dataclasses import dataclass

import timm
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.explanation.attribution import Attribution, Targets
from florascope.explanation.cam import class_maps
from florascope.explanation.contributions import contributions
from florascope.explanation.unstrided import unstrided
from florascope.model.backbone import Backbone, Images
from florascope.model.classifier import Classifier

Shares = Float[Tensor, "b H W"]


@dataclass(frozen=True)
class Sharp:
    """Shares of the logit by positive and negative contributions, from two views twice as fine.

    Of each view of the picture (smaller and larger than what the network was made for), the same
    network without its last stride gives, one block below its feature map, what each place
    contributes for (p) and against (n) the class; see `unstrided` and `contributions`. With P and
    N their sums and z - b the logit less its bias,

        map(x) = (z - b) [ (1 + beta) p(x) / P - beta n(x) / N ]    where z > b,

    and p and n change places where z < b: the alpha-beta rule of layer-wise relevance propagation
    (Bach et al. 2015, alpha - beta = 1) applied once, to the whole last block. The shares of the
    views are averaged in the picture's space.

    Kept: the sum of the map plus the bias is the logit, exactly. It is kept by the rule, whatever
    the places are, so unlike for the class activation map it is no proof of them: the audit is.
    Lost: a map is no longer linear in the class's weights (the map of a difference of two logits
    is defined as the difference of their maps), and one for all classes no longer comes in one
    pass. A class whose logit is its bias has an empty map even where its evidence for and against
    cancels. Nothing but this network's own weights and activations goes in.

    Where the architecture has no dilated form, the views are as coarse as the network (ViT); where
    it takes one input size alone, there is one view.

    The rule, the layer, beta and the views were chosen on half of the masked photos; see
    benchmarks/sharp.

    Attributes:
        beta: weight of what speaks against the sign of the logit.
        views: sides of the views as shares of the input's, rounded to whole places.
        batch: pictures a pass, which bounds the memory.
    """

    beta: float = 1 / 3
    views: tuple[float, ...] = (6 / 7, 10 / 7)
    batch: int = 8

    @property
    def name(self) -> str:
        """The method's name on the command line."""
        return "sharp"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        parts = [
            self._explain(classifier, *part)
            for part in zip(images.split(self.batch), targets.split(self.batch), strict=True)
        ]
        values, totals = (torch.cat(part) for part in zip(*parts, strict=True))
        return Attribution(self.name, values, totals, complete=True)

    def _explain(
        self, classifier: Classifier, images: Images, targets: Targets
    ) -> tuple[Shares, Float[Tensor, " b"]]:
        logits, maps = class_maps(classifier, images)
        own = targets[:, None]
        total = (logits.gather(1, own) - classifier.head.bias.detach()[own])[:, 0]
        stride = images.shape[2] // maps.shape[2]
        finer = unstrided(classifier, stride)
        size = (images.shape[2], images.shape[3])
        shares = [
            self._rule(*contributions(finer, view, targets), total, size)
            for view in self._views(classifier.backbone, images, stride)
        ]
        return torch.stack(shares).mean(0) * total[:, None, None], total

    def _views(self, backbone: Backbone, images: Images, stride: int) -> Iterator[Images]:
        """Resize the picture, to whole places of the feature map, if the network takes that."""
        if _one_size(backbone):
            yield images
            return
        for share in self.views:
            size = [max(1, round(share * side / stride)) * stride for side in images.shape[2:]]
            yield interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)

    def _rule(
        self,
        positive: Float[Tensor, "b h w"],
        negative: Float[Tensor, "b h w"],
        total: Float[Tensor, " b"],
        size: tuple[int, int],
    ) -> Shares:
        """Share contributions out over the pixels, (b, H, W); each map sums to 1."""
        rises = (total >= 0)[:, None, None]
        same = torch.where(rises, positive, negative)
        opposite = torch.where(rises, negative, positive)
        both = (same.sum((1, 2)) > 0) & (opposite.sum((1, 2)) > 0)
        beta = (self.beta * both)[:, None, None]
        return (1 + beta) * _spread(same, size) - beta * _spread(opposite, size)


def _one_size(backbone: Backbone) -> bool:
    """Whether the network takes only the size it was made for, as most transformers do."""
    if "img_size" in backbone.model_args or not timm.is_model(backbone.name):
        return True
    return bool(timm.get_pretrained_cfg(backbone.name).fixed_input_size)


def _spread(part: Float[Tensor, "b h w"], size: tuple[int, int]) -> Shares:
    """Enlarge to the pixels and divide by the sum; evenly where there is nothing to share."""
    fine = interpolate(part[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    whole = fine.sum((1, 2), keepdim=True)
    even = torch.full_like(fine, 1 / (size[0] * size[1]))
    return torch.where(whole > 0, fine / whole, even)
