"""Which methods exist for which network, and what to advise where one does not."""

from florascope.errors import ExplanationError
from florascope.nets.extractor import FeatureExtractor
from florascope.nets.token_stream import writes_a_token

ASKED = ("occlusion",)


def fitting_methods(backbone: FeatureExtractor) -> tuple[str, ...]:
    """Return the names of the methods that exist for a network, the most telling first.

    Where logits split over the map: "sharp", "cam", "gradcam" (which is "cam" once more),
    "layercam" and "ig". Where the network reads its map in another way, "gradcam", "layercam" and
    "ig". Where it reads a token that its blocks add to, "direct" and "ig"; else "ig", which needs a
    gradient alone. Of layers that are named, "layercam" exists for all. "occlusion", the slowest,
    asks for the answer alone, and so is there for every network; without gradients only "cam",
    "sharp" and it are left.
    """
    if not backbone.differentiable:
        return ("cam", "sharp", *ASKED) if backbone.pools_linearly else ASKED
    if backbone.pools_linearly:
        return ("sharp", "cam", "gradcam", "layercam", "ig", *ASKED)
    if backbone.reads_map:
        return ("gradcam", "layercam", "ig", *ASKED)
    return ("direct", "ig", *ASKED) if writes_a_token(backbone) else ("ig", *ASKED)


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


def require_gradients(backbone: FeatureExtractor) -> None:
    """Refuse a network that PyTorch cannot follow back to its input.

    Raises:
        ExplanationError: it is an ONNX graph.
    """
    if not backbone.differentiable:
        raise ExplanationError(
            f"{backbone.name} runs in ONNX Runtime, which gives no gradients",
            expected="a method that needs none",
            fix=advice(backbone),
        )


def advice(backbone: FeatureExtractor) -> str:
    """Say which methods exist for a network."""
    return f"Use --method {' or '.join(fitting_methods(backbone))}"
