"""A backbone with a linear head: the network that answers."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from florascope.data.dataset import ClassName
from florascope.nets.extractor import FeatureExtractor, Images
from florascope.preprocessing import Preprocessing

Logits = Float[Tensor, "b k"]


class Answer(NamedTuple):
    """One forward pass, with what an explanation needs.

    Attributes:
        logits: (b, K).
        map: (b, c, h, w) feature map A.
        features: (b, c) pooled features f; logits = head(features).
    """

    logits: Logits
    map: Float[Tensor, "b c h w"]
    features: Float[Tensor, "b f"]


class Classifier(nn.Module):
    """logits = W f + b over a backbone's pooled features.

    Args:
        backbone: timm's (`Backbone`), or that of a wrapped network (`florascope.wrap`).
        classes: the K classes, in the order of the logits.
    """

    def __init__(self, backbone: FeatureExtractor, classes: tuple[ClassName, ...]) -> None:
        super().__init__()
        self.backbone = backbone
        self.classes = classes
        self.head = nn.Linear(backbone.num_features, len(classes))

    @property
    def preprocessing(self) -> Preprocessing:
        """The contract of the input."""
        return self.backbone.preprocessing

    def answer(self, images: Images) -> Answer:
        """Logits together with the feature map and features of the same pass."""
        embedding = self.backbone(images)
        return Answer(self.head(embedding.features), embedding.map, embedding.features)

    def forward(self, images: Images) -> Logits:
        """Logits of a normalised batch, (b, K)."""
        return self.answer(images).logits

    def set_head(self, weight: Float[Tensor, "k c"], bias: Float[Tensor, " k"]) -> None:
        """Put fitted weights into the head."""
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)
