"""Direct effects: the evidence that a transformer's patches write into the token that it reads."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from florascope.explanation.attribution import Attribution, Targets, require_token
from florascope.explanation.cam import spread
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images
from florascope.nets.token_stream import TokenStream, read_along, token_stream


@dataclass(frozen=True, eq=False)
class DirectEffects:
    """One class's logit as the sum of what was written into the token, in logit units.

    Attributes:
        tokens: (b, layers, heads, n) through the attention of each head of each layer, from each
            token: first those that are no patch (class token, registers).
        mlps: (b, layers) through the MLPs, which work on the token itself.
        start: (b,) the class token as it begins, the same for every image but for sigma.
        constants: (b,) biases of the attentions' projections, likewise.
        bias: (b,) of the last norm and of the head, the same for every image.
    """

    tokens: Float[Tensor, "b layers heads n"]
    mlps: Float[Tensor, "b layers"]
    start: Float[Tensor, " b"]
    constants: Float[Tensor, " b"]
    bias: Float[Tensor, " b"]

    @property
    def logit(self) -> Float[Tensor, " b"]:
        """The sum of all parts: the target's logit, (b,)."""
        parts = self.tokens.sum((1, 2, 3)) + self.mlps.sum(1)
        return parts + self.start + self.constants + self.bias


def direct_effects(classifier: Classifier, images: Images, targets: Targets) -> DirectEffects:
    """Split each target's logit over what wrote into the class token (Gandelsman et al. 2024).

    The head reads LayerNorm of a sum, end = start + sum over layers of (attention + MLP). With its
    deviation sigma held at the image's, the logit is linear in that sum:

        logit_k = (u_k . end) / sigma + W_k . beta + b_k,    u_k = gamma W_k less its own mean,

    and attention is a sum over heads and tokens. So each token j has a direct effect through each
    head, A_j u_k . (v_j O) / sigma, and the parts sum to the logit exactly (arXiv 2310.05916).

    Args:
        classifier: a timm VisionTransformer with a linear head on its class token.
        images: (b, 3, H, W) normalised.
        targets: (b,) class indexes.

    Raises:
        ExplanationError: the network is no such transformer.
    """
    require_token(classifier.backbone)
    stream = token_stream(classifier.backbone.net, images)
    weight = classifier.head.weight.detach()[targets]
    direction = weight * stream.gamma
    direction = (direction - direction.mean(1, keepdim=True)) / stream.sigma[:, None]
    return _split(stream, direction, weight @ stream.beta + classifier.head.bias.detach()[targets])


def _split(stream: TokenStream, direction: Tensor, bias: Tensor) -> DirectEffects:
    def along(token: Float[Tensor, "b c"]) -> Float[Tensor, " b"]:
        return (token * direction).sum(1)

    tokens = torch.stack([b.attention * read_along(b, direction) for b in stream.blocks], 1)
    attended = torch.stack([along(block.attended) for block in stream.blocks], 1)
    return DirectEffects(
        tokens=tokens,
        mlps=torch.stack([along(block.processed) for block in stream.blocks], 1),
        start=along(stream.start),
        constants=attended.sum(1) - tokens.sum((1, 2, 3)),
        bias=bias,
    )


class Direct:
    """The direct effects of the patches, over all heads and layers, spread over the pixels.

    What the token owes to other tokens, to the MLPs and to its beginning is not in the map: its
    share is the attribution's `left_out`. Nor does the map say how patches changed one another
    before they were attended to: a place's evidence is what the network had gathered there by then.
    """

    name = "direct"

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        """Explain one logit an image; see `Explainer`."""
        effects = direct_effects(classifier, images, targets)
        tokens = effects.tokens.sum((1, 2))[..., None]
        maps = classifier.backbone.as_map(tokens)[:, 0]
        values = spread(maps, (images.shape[2], images.shape[3]), maps.sum((1, 2)))
        return Attribution(
            self.name, values, effects.logit - effects.bias, complete=False, partial=True
        )
