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
from florascope.explanation.upsampling import spread
from florascope.model.backbone import Backbone, Images
from florascope.model.classifier import Classifier

Values = Float[Tensor, "b H W"]


@dataclass(frozen=True)
class Sharp:
    """What each place contributes for and against a class, from two views twice as fine.

    Of each view of the picture (smaller and larger than what the network was made for), the same
    network without its last stride gives, one block below its feature map, what each place
    contributes for (p) and against (n) the class; see `unstrided` and `contributions`. With z - b
    the logit less its bias, and p and n averaged over the views in the picture's space,

        map(x) = p(x) - beta n(x) + r / (H W),    r = (z - b) - sum_x [p(x) - beta n(x)].

    All that speaks for the class stays in its place, and beta of what speaks against it. The rest,
    r, is spread evenly: it is the other part of what speaks against, and what the block's own
    biases add, which belongs to no place. Evidence against lies on the flower as much as evidence
    for does, so that with beta = 1 the two cancel where the flower is and leave noise.

    Kept: the sum of the map plus the bias is the logit, exactly, but by way of r: unlike for the
    class activation map it is no proof of the places; the audit is. Lost: for beta < 1 a map is
    no longer linear in the class's weights (that of a difference of two logits is defined as the
    difference of their maps), and the maps of all classes do not come in one pass. The even share
    lifts or lowers the whole map, so the sign of a pixel says whether it has more or less than its
    share. Nothing but this network's own weights and activations goes in.

    Where the architecture has no dilated form, the views are as coarse as the network (ViT); where
    it takes one input size alone, there is one view.

    The layer, beta and the views were chosen on half of the masked photos: benchmarks/sharp.

    Attributes:
        beta: share of what speaks against that is left in its place.
        views: sides of the views as shares of the input's, rounded to whole places.
        batch: pictures a pass, which bounds the memory.
    """

    beta: float = 0.5
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
    ) -> tuple[Values, Float[Tensor, " b"]]:
        logits, maps = class_maps(classifier, images)
        own = targets[:, None]
        total = (logits.gather(1, own) - classifier.head.bias.detach()[own])[:, 0]
        stride = images.shape[2] // maps.shape[2]
        finer = unstrided(classifier, stride)
        size = (images.shape[2], images.shape[3])
        placed = [
            self._placed(*contributions(finer, view, targets), size)
            for view in self._views(classifier.backbone, images, stride)
        ]
        values = torch.stack(placed).mean(0)
        rest = (total - values.sum((1, 2))) / (size[0] * size[1])
        return values + rest[:, None, None], total

    def _views(self, backbone: Backbone, images: Images, stride: int) -> Iterator[Images]:
        """Resize the picture, to whole places of the feature map, if the network takes that."""
        if _one_size(backbone):
            yield images
            return
        for share in self.views:
            size = [max(1, round(share * side / stride)) * stride for side in images.shape[2:]]
            yield interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)

    def _placed(
        self,
        positive: Float[Tensor, "b h w"],
        negative: Float[Tensor, "b h w"],
        size: tuple[int, int],
    ) -> Values:
        """Put the contributions of a view's places onto the pixels."""
        places = positive - self.beta * negative
        return spread(places, size, places.sum((1, 2)))


def _one_size(backbone: Backbone) -> bool:
    """Whether the network takes only the size it was made for, as most transformers do."""
    if "img_size" in backbone.model_args or not timm.is_model(backbone.name):
        return True
    return bool(timm.get_pretrained_cfg(backbone.name).fixed_input_size)
