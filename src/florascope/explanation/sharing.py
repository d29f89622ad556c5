"""Evidence of coarse places, shared out among the pixels around them."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

FLOOR = 1e-3  # of the mean weight: a place whose pixels all weigh nothing shares evenly


def share_out(
    maps: Float[Tensor, "b h w"], weights: Float[Tensor, "b H W"]
) -> Float[Tensor, "b H W"]:
    """Give each place's evidence to the pixels that it reaches, in proportion to their weights.

    With K_c(x) what bilinear enlargement gives pixel x of place c,

        value(x) = g(x) sum_c K_c(x) m_c / G_c,    G_c = sum_x K_c(x) g(x),

    so that each place keeps its sum and its sign: the weights move evidence by a place at most and
    make none. Even weights give the bilinear enlargement.

    Args:
        maps: m, evidence of each place.
        weights: g, at least 0, of each pixel.
    """
    mean = weights.mean((1, 2), keepdim=True)
    level = torch.where(mean > 0, mean, torch.ones_like(mean))
    g = weights / level + FLOOR
    rows, columns = (
        _reach(places, pixels, g)
        for places, pixels in zip(maps.shape[1:], weights.shape[1:], strict=True)
    )
    reached = rows @ g @ columns.T
    shared: Float[Tensor, "b H W"] = g * (rows.T @ (maps / reached) @ columns)
    return shared


def _reach(places: int, pixels: int, like: Tensor) -> Float[Tensor, "places pixels"]:
    """What bilinear enlargement of one axis gives each pixel of each place."""
    units = torch.eye(places, dtype=like.dtype, device=like.device)[:, None]
    return interpolate(units, pixels, mode="linear", align_corners=False)[:, 0]
