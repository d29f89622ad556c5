"""Why A and not B: the evidence for the difference of two logits."""

from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.model.backbone import Images
from florascope.model.classifier import Classifier


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
