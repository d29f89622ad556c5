"""One photo, one class, one method: what the network saw and what spoke for the class."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from florascope.data.dataset import ClassName
from florascope.errors import ExplanationError
from florascope.explanation.attribution import Explainer
from florascope.images import RGB
from florascope.model.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Explanation:
    """The result.

    Attributes:
        method: the explainer's name.
        target: the class that is explained.
        logit: of the target.
        probability: of the target, from the softmax.
        gap: completeness gap, where the method promises completeness.
        crop: (S, S, 3) what the network saw.
        values: (S, S) evidence of each pixel in logit units, + for and - against.
    """

    method: str
    target: ClassName
    logit: float
    probability: float
    gap: float | None
    crop: RGB
    values: Float32[np.ndarray, "s s"]


def explain(
    classifier: Classifier, rgb: RGB, explainer: Explainer, target: int | None = None
) -> Explanation:
    """Explain the answer to one photo.

    Args:
        classifier: the network.
        rgb: a photo of any size.
        explainer: the method.
        target: index of the class; None explains the answer.
    """
    crop = classifier.preprocessing.crop(rgb)
    image = torch.from_numpy(classifier.preprocessing.normalise(crop[None]))
    with torch.no_grad():
        logits = classifier(image)[0]
    chosen = int(logits.argmax()) if target is None else target
    found = explainer(classifier, image, torch.tensor([chosen]))
    return Explanation(
        method=found.method,
        target=classifier.classes[chosen],
        logit=logits[chosen].item(),
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
