"""The explainers by name."""

from collections.abc import Callable

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Explainer
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.gradcam import GradCAM
from florascope.explanation.integrated_gradients import IntegratedGradients
from florascope.explanation.sharp import Sharp
from florascope.model.classifier import Classifier

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
