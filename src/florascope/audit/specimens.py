"""Inputs with the classes that are explained in them, and their maps."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from florascope.errors import ExplanationError
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier


class Specimens(NamedTuple):
    """A batch to explain.

    Attributes:
        images: (b, 3, H, W) normalised.
        targets: (b,) class indexes.
    """

    images: Images
    targets: Targets


def attribute(classifier: Classifier, explainer: Explainer, specimens: Specimens) -> Attribution:
    """Explain a batch.

    Raises:
        ExplanationError: the maps have not the images' size, or hold values that are not finite.
    """
    attribution = explainer(classifier, specimens.images, specimens.targets)
    wanted = (len(specimens.images), *specimens.images.shape[2:])
    found = tuple(attribution.values.shape)
    if found != wanted:
        raise ExplanationError(
            f"{explainer.name} gave maps of shape {found}", expected=f"{wanted}, as the images"
        )
    if not attribution.values.isfinite().all():
        raise ExplanationError(
            f"{explainer.name} gave values that are not finite", expected="numbers"
        )
    return attribution


def maps_of(
    classifier: Classifier, explainer: Explainer, specimens: Specimens
) -> Float64[np.ndarray, "b H W"]:
    """Explain a batch and return the maps alone, (b, H, W); errors as `attribute`."""
    return as_array(attribute(classifier, explainer, specimens))


def as_array(attribution: Attribution) -> Float64[np.ndarray, "b H W"]:
    """The maps in float64, (b, H, W)."""
    values: Float64[np.ndarray, "b H W"] = attribution.values.detach().double().numpy()
    return values
