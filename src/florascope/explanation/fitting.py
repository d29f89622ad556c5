"""Which methods exist for which network, and what to advise where one does not."""

from florascope.errors import ExplanationError
from florascope.nets.extractor import FeatureExtractor


def fitting_methods(backbone: FeatureExtractor) -> tuple[str, ...]:
    """Return the names of the methods that exist for a network, the most telling first.

    Where logits split over the map: "sharp", "cam", "gradcam" (which is "cam" once more) and "ig".
    Where the network reads its map in another way, "gradcam" and "ig"; where it reads none, "ig",
    which needs a gradient alone.
    """
    if backbone.pools_linearly:
        return ("sharp", "cam", "gradcam", "ig")
    return ("gradcam", "ig") if backbone.reads_map else ("ig",)


def require_linear(backbone: FeatureExtractor) -> None:
    """Refuse a network whose logits do not split over its feature map.

    Raises:
        ExplanationError: it does not end in average pooling and a linear layer.
    """
    if not backbone.pools_linearly:
        raise ExplanationError(
            backbone.obstacle,
            expected="a network of pooled features and a linear head",
            fix=advice(backbone),
        )


def advice(backbone: FeatureExtractor) -> str:
    """Say which methods exist for a network."""
    return f"Use --method {' or '.join(fitting_methods(backbone))}"
