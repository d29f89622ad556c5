"""Which methods exist for which network, and what to advise where one does not."""

from florascope.errors import ExplanationError
from florascope.nets.extractor import FeatureExtractor
from florascope.nets.token_stream import writes_a_token


def fitting_methods(backbone: FeatureExtractor) -> tuple[str, ...]:
    """Return the names of the methods that exist for a network, the most telling first.

    Where logits split over the map: "sharp", "cam", "gradcam" (which is "cam" once more),
    "layercam" and "ig". Where the network reads its map in another way, "gradcam", "layercam" and
    "ig". Where it reads a token that its blocks add to, "direct" and "ig"; else "ig", which needs a
    gradient alone. Of layers that are named, "layercam" exists for all.
    """
    if backbone.pools_linearly:
        return ("sharp", "cam", "gradcam", "layercam", "ig")
    if backbone.reads_map:
        return ("gradcam", "layercam", "ig")
    return ("direct", "ig") if writes_a_token(backbone) else ("ig",)


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
