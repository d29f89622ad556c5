"""Maps fine enough to tell a petal from a leaf, in logit units."""

from collections.abc import Iterator
from dataclasses import dataclass

import timm
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.explanation.attribution import Attribution, Targets
from florascope.explanation.cam import require_linear
from florascope.explanation.contributions import contributions
from florascope.explanation.sharing import share_out
from florascope.explanation.unstrided import unstrided
from florascope.explanation.upsampling import spread
from florascope.model.backbone import Backbone, Images
from florascope.model.classifier import Classifier

Values = Float[Tensor, "b H W"]


@dataclass(frozen=True)
class Sharp:
    """Class activation maps whose places hand their evidence to the pixels that made it.

    The picture is looked at several times: by the network, as it is, and smaller and larger by the
    same network without its last stride (see `unstrided`). Each look gives the class activation
    map m and, one block below, what speaks for the class, p (see `contributions`). Each place
    then shares its evidence out among the pixels that it reaches, in proportion to the square of p
    averaged over the looks (`share_out`), and the maps are averaged:

        map(x) = mean over looks of share_out(m, p^2)(x) + r / (H W).

    Kept: sign and amount of every place's evidence, so that the map is still made of the class's
    own weights, and the sum: map plus bias is the logit, exactly. r is what the larger and smaller
    pictures' logits differ from the picture's own, spread evenly. Lost: the maps of all classes do
    not come in one pass, and that of a difference of two logits is defined as the difference of
    their maps. Nothing but this network's own weights and activations goes in.

    Where the architecture has no dilated form, the views are as coarse as the network (ViT); where
    it takes one input size alone, there are none.

    The power and the views were chosen on half of the masked photos: benchmarks/sharp.

    Attributes:
        views: sides of the further looks as shares of the input's, rounded to whole places.
        batch: pictures a pass: few enough for a CPU's cache, where twice as many take longer each.
    """

    views: tuple[float, ...] = (3 / 4, 7 / 4)
    batch: int = 2

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
        images = images.contiguous(memory_format=torch.channels_last)
        own = contributions(classifier, images, targets)
        total, size = own.evidence.sum((1, 2)), (images.shape[2], images.shape[3])
        stride = size[0] // own.evidence.shape[1]
        finer = unstrided(classifier, stride)
        views = self._views(classifier.backbone, images, stride)
        found = [own, *(contributions(finer, view, targets) for view in views)]
        spoken = [spread(f.positive, size, f.positive.sum((1, 2))) for f in found]
        weights = torch.stack(spoken).mean(0).clamp_min(0).square()
        values = torch.stack([share_out(f.evidence, weights) for f in found]).mean(0)
        rest = (total - values.sum((1, 2))) / (size[0] * size[1])
        return values + rest[:, None, None], total

    def _views(self, backbone: Backbone, images: Images, stride: int) -> Iterator[Images]:
        """Resize the picture, to whole places of the feature map, if the network takes that."""
        if _one_size(backbone):
            return
        for share in self.views:
            size = [max(1, round(share * side / stride)) * stride for side in images.shape[2:]]
            yield interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)


def _one_size(backbone: Backbone) -> bool:
    """Whether the network takes only the size it was made for, as most transformers do."""
    if "img_size" in backbone.model_args or not timm.is_model(backbone.name):
        return True
    return bool(timm.get_pretrained_cfg(backbone.name).fixed_input_size)
