"""Why a classifier answers as it does, for one photo, by any method."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from florascope.data.dataset import ClassName
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.explanation.cam import ClassActivationMap, GradCAM
from florascope.explanation.integrated_gradients import IntegratedGradients
from florascope.explanation.sharp import Sharp
from florascope.images import RGB
from florascope.nets.backbone import Images
from florascope.nets.classifier import Classifier


def contrast(
    explainer: Explainer, classifier: Classifier, images: Images, targets: Targets, rivals: Targets
) -> Attribution:
    """Explain logit[target] - logit[rival] by the difference of the two classes' maps.

    For the class activation map and fixed Integrated Gradients, which are linear in the logit,
    this is the map of the difference itself. A complete method stays complete: the values sum to
    the difference of the two totals.

    Args:
        explainer: any method.
        classifier: the network.
        images: (b, 3, H, W) normalised inputs.
        targets: (b,) class A of each.
        rivals: (b,) class B of each.
    """
    ours = explainer(classifier, images, targets)
    other = explainer(classifier, images, rivals)
    values, total = ours.values - other.values, ours.total - other.total
    return Attribution(ours.method, values, total, ours.complete)


METHODS: dict[str, Callable[[], Explainer]] = {
    "sharp": Sharp,
    "cam": ClassActivationMap,
    "gradcam": GradCAM,
    "ig": IntegratedGradients,
}


def default_method(classifier: Classifier) -> str:
    """Return the method that suits a network best: "sharp", or "gradcam" for other heads."""
    return "sharp" if classifier.backbone.pools_linearly else "gradcam"


def explainer(name: str) -> Explainer:
    """Return an explainer with its default settings.

    Raises:
        ExplanationError: there is none of that name.
    """
    if name not in METHODS:
        raise ExplanationError(f"no method {name!r}", expected=f"one of {', '.join(METHODS)}")
    return METHODS[name]()


@dataclass(frozen=True, eq=False)
class Explanation:
    """The result.

    Attributes:
        method: the explainer's name.
        target: the class that is explained.
        against: the class that it is compared with: values are then the evidence for the target
            less that for this one, logit the difference of the two; None for the target alone.
        logit: of the target, or the difference.
        probability: of the target, from the softmax.
        gap: completeness gap, where the method promises completeness.
        crop: (S, S, 3) what the network saw.
        values: (S, S) evidence of each pixel in logit units, + for and - against.
    """

    method: str
    target: ClassName
    against: ClassName | None
    logit: float
    probability: float
    gap: float | None
    crop: RGB
    values: Float32[np.ndarray, "s s"]


def explain(
    classifier: Classifier,
    rgb: RGB,
    explainer: Explainer,
    target: int | None = None,
    against: int | None = None,
) -> Explanation:
    """Explain the answer to one photo.

    Args:
        classifier: the network.
        rgb: a photo of any size.
        explainer: the method.
        target: index of the class; None explains the answer.
        against: index of the class to compare it with; None for none.

    Raises:
        ExplanationError: the class is compared with itself, or the method does not exist for this
            network.
    """
    crop = classifier.preprocessing.crop(rgb)
    image = torch.from_numpy(classifier.preprocessing.normalise(crop[None]))
    with torch.no_grad():
        logits = classifier(image)[0]
    chosen = int(logits.argmax()) if target is None else target
    if chosen == against:
        raise ExplanationError(
            f"{classifier.classes[chosen].name} is the class that is explained",
            expected="another one to compare it with",
            fix="Name another class with --against, or another --target",
        )
    asked = torch.tensor([chosen])
    if against is None:
        found, logit = explainer(classifier, image, asked), logits[chosen]
    else:
        found = contrast(explainer, classifier, image, asked, torch.tensor([against]))
        logit = logits[chosen] - logits[against]
    return Explanation(
        method=found.method,
        target=classifier.classes[chosen],
        against=None if against is None else classifier.classes[against],
        logit=logit.item(),
        probability=logits.double().softmax(0)[chosen].item(),
        gap=found.gap.item() if found.complete else None,
        crop=crop,
        values=found.values[0].detach().float().numpy(),
    )


def find_class(classifier: Classifier, text: str) -> int:
    """Return the index of the class with this id, or else this name.

    Raises:
        ExplanationError: there is none.
    """
    for key in ("id", "name"):
        for index, c in enumerate(classifier.classes):
            if getattr(c, key).casefold() == text.casefold():
                return index
    some = ", ".join(c.id for c in classifier.classes[:5])
    raise ExplanationError(
        f"no class {text!r}", expected=f"the id or name of a class of the bundle ({some}, ...)"
    )
