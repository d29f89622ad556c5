"""Grad-CAM by automatic differentiation, for heads that have no closed form."""

import torch

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Targets
from florascope.explanation.upsampling import spread
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier


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
        with torch.enable_grad():
            logits, feature_map, _ = classifier.answer(images.detach().requires_grad_())
            chosen = logits[torch.arange(len(targets)), targets]
            (gradient,) = torch.autograd.grad(chosen.sum(), feature_map, allow_unused=True)
        if gradient is None:
            raise ExplanationError(
                f"{classifier.backbone.name} does not answer from its spatial map",
                expected="a network that pools a feature map",
                fix="Use --method ig",
            )
        weights = gradient.mean((2, 3), keepdim=True)
        maps = (weights * feature_map.detach()).sum(1)
        height, width = images.shape[2:]
        values = spread(maps, (height, width), maps.sum((1, 2)))
        return Attribution(self.name, values, chosen.detach(), complete=False)
