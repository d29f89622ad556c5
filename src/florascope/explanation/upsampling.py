"""From the places of a feature map to the pixels of the input."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate


def spread(
    maps: Float[Tensor, "b h w"], size: tuple[int, int], total: Float[Tensor, " b"]
) -> Float[Tensor, "b H W"]:
    """Spread per-place evidence over the pixels, bilinearly, so that each map keeps its sum.

    Half-pixel centres keep the sum exactly for whole factors; what rounding or another factor
    leaves over is shared evenly among all pixels.

    Args:
        maps: evidence of each place.
        size: (H, W).
        total: what each map sums to.
    """
    places, pixels = maps.shape[1] * maps.shape[2], size[0] * size[1]
    fine = interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    fine = fine * (places / pixels)
    left_over = (total - fine.sum((1, 2))) / pixels
    spread_out: Float[Tensor, "b H W"] = fine + left_over[:, None, None]
    return spread_out
