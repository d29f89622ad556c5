"""The explainers by name."""

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Explainer
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.gradcam import GradCAM
from florascope.explanation.integrated_gradients import IntegratedGradients

METHODS: dict[str, type[ClassActivationMap] | type[GradCAM] | type[IntegratedGradients]] = {
    "cam": ClassActivationMap,
    "gradcam": GradCAM,
    "ig": IntegratedGradients,
}


def explainer(name: str) -> Explainer:
    """Return an explainer with its default settings.

    Raises:
        ExplanationError: there is none of that name.
    """
    if name not in METHODS:
        raise ExplanationError(f"no method {name!r}", expected=f"one of {', '.join(METHODS)}")
    return METHODS[name]()
