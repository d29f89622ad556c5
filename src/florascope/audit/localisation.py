"""Does the evidence lie on the flower? Measured against masks."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, UInt8
from scipy.stats import rankdata

from florascope.audit.masks import BACKGROUND, FLOWER, tells_apart
from florascope.errors import DataError

Map = Float[np.ndarray, "h w"]
Evidence = Float64[np.ndarray, "_"]


class Localisation(NamedTuple):
    """One map against one mask; pixels of unknown kind are left out everywhere.

    Attributes:
        pointing: 1 where the strongest pixel lies in the flower (pointing game, Zhang et al.
            2018), 0 where it does not; with several equally strong, the share of them that do.
        energy: share of the positive evidence inside the flower (Wang et al. 2020, Score-CAM).
        area: share of the flower among the known pixels: what an even map scores in all of these
            but auroc.
        energy_ratio: energy / area, 1 by chance.
        auroc: probability that a pixel of the flower has more evidence than one of the background,
            ties counting half; 0.5 by chance.
    """

    pointing: float
    energy: float
    area: float
    energy_ratio: float
    auroc: float


def localise(values: Map, mask: UInt8[np.ndarray, "mask_h mask_w"]) -> Localisation:
    """Compare a map with a mask of the same size.

    Raises:
        DataError: the mask has no flower or no background, or another size.
    """
    if values.shape != mask.shape or not tells_apart(mask):
        raise DataError(
            f"a mask of {mask.shape[1]} x {mask.shape[0]} pixels, of which"
            f" {(mask == FLOWER).sum()} flower and {(mask == BACKGROUND).sum()} background",
            expected=f"both kinds in {values.shape[1]} x {values.shape[0]} pixels",
        )
    inside = values[mask == FLOWER].astype(np.float64)
    outside = values[mask == BACKGROUND].astype(np.float64)
    area = len(inside) / (len(inside) + len(outside))
    energy = energy_share(inside, outside)
    return Localisation(
        pointing_hit(inside, outside), energy, area, energy / area, pixel_auroc(inside, outside)
    )


def pointing_hit(inside: Evidence, outside: Evidence) -> float:
    """Share of the strongest pixels that lie inside."""
    top = max(inside.max(), outside.max())
    hits, misses = (inside == top).sum(), (outside == top).sum()
    return float(hits / (hits + misses))


def energy_share(inside: Evidence, outside: Evidence) -> float:
    """Share of the positive evidence that lies inside.

    A map without positive evidence says nothing of where it is: it counts as evenly spread.
    """
    held, lost = (part.clip(min=0.0).sum() for part in (inside, outside))
    if held + lost == 0:
        return len(inside) / (len(inside) + len(outside))
    return float(held / (held + lost))


def pixel_auroc(inside: Evidence, outside: Evidence) -> float:
    """Area under the ROC curve of inside against outside, by Mann and Whitney's rank sum.

    AUROC = (R - m (m + 1) / 2) / (m n), R the sum of the m inner pixels' ranks among all m + n,
    ties sharing their mean rank.
    """
    m, n = len(inside), len(outside)
    ranks = rankdata(np.concatenate([inside, outside]))
    return float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
