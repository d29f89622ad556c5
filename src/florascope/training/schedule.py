"""The learning rate over a run."""

import math


def warm_cosine(step: int, steps: int, warmup: float) -> float:
    """Share of the full learning rate at a step: a linear rise, then half a cosine to 0.

    Loshchilov & Hutter 2017 without restarts, with the warm-up of Goyal et al. 2017.

    Args:
        step: from 0.
        steps: of the whole run.
        warmup: share of them that rise, 0 to below 1.
    """
    rise = round(warmup * steps)
    if step < rise:
        return (step + 1) / rise
    return (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2.0
