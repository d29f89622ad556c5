"""LeGrad: what a transformer's answer would gain, layer by layer, by attending to each patch."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from florascope.explanation.attribution import Attribution, Targets, require_token
from florascope.explanation.cam import spread
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images, evaluating
from florascope.nets.token_stream import Token, last_norm, read_along, token_stream


class LeGrad:
    """Positive slopes of each layer's own answer to its attention, over heads and layers.

    With s_l the target's logit if the head read the class token after layer l, and A_l,h,j how
    much head h of that layer attends to patch j,

        map_j = mean over l and h of max(d s_l / d A_l,h,j, 0)

    (Bousselham et al. 2024, arXiv 2404.03214). The slope is what patch j offers along s_l's own
    slope, so that no pass backwards through the network is needed. The authors' code averages all
    tokens of a layer for CLIP; here it is the token that the head reads. The map shows what speaks
    for the class only, whether it was attended to or not, and its sum promises nothing.
    """

    name = "legrad"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        require_token(classifier.backbone)
        slopes = attention_slopes(classifier, images, targets)
        patches = slopes.clamp_min(0).mean((1, 2))[..., None]
        maps = classifier.backbone.as_map(patches)[:, 0]
        values = spread(maps, (images.shape[2], images.shape[3]), maps.sum((1, 2)))
        return Attribution(self.name, values, values.sum((1, 2)), complete=False)


def attention_slopes(
    classifier: Classifier, images: Images, targets: Targets
) -> Float[Tensor, "b layers heads n"]:
    """Slope of each layer's own target logit to its class token's attention; see `LeGrad`.

    Args:
        classifier: a timm VisionTransformer with a linear head on its class token.
        images: (b, 3, H, W) normalised.
        targets: (b,) class indexes.
    """
    net = classifier.backbone.net
    stream = token_stream(net, images)
    slopes, token = [], stream.start
    for block, written in zip(net.blocks, stream.blocks, strict=True):
        attended = token + written.attended
        slopes.append(read_along(written, _slope(classifier, block, attended, targets)))
        token = attended + written.processed
    return torch.stack(slopes, 1)


def _slope(classifier: Classifier, block: Any, token: Token, targets: Targets) -> Token:  # noqa: ANN401
    """Slope of the logit after a block to the class token before the block's MLP."""
    net, token = classifier.backbone.net, token.detach().requires_grad_()
    with torch.enable_grad(), evaluating(net):
        after = token + block.ls2(block.mlp(block.norm2(token)))
        logits = classifier.head(last_norm(net)(after))
        (slope,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), token)
    return slope
