"""Is train augmented, afresh and within bounds, and val not?"""

import numpy as np
from jaxtyping import Float32

from florascope.doctor.evidence import Evidence, Finding, Inputs, performance

VAL = "validation is augmented"
RANGE = "augmentation leaves the value range"
REMOVED = "augmentation removes what train photos show: large parts are of one colour"
FROZEN = "augmentation frozen by a cache"
WORKERS = "augmentation identical across workers"

MARGIN = 0.05  # of val's range
OUTSIDE = 0.01  # of the train values
FILLED = 0.25  # more of train's pixels than of val's are of one colour: from which to warn
MOSTLY = 0.4  # from which to be sure
MIXED = 0.2  # of those: pixels that share some channels with that colour, as clipped ones do
PIXELS = 200_000  # that are looked at
SATURATED = 0.2  # more of train than of val at the ends of the range


def validation(evidence: Evidence) -> Finding | None:
    """A val photo is the same tensor every time."""
    if evidence.inputs is None or evidence.inputs.val_repeats is not False:
        return None
    return Finding(
        "augmentation.validation",
        VAL,
        "error",
        "val photos differ from one reading to the next",
        "the same tensor every time",
        "Give val its own transform, without anything random",
        0.95,
    )


def bounds(evidence: Evidence) -> Finding | None:
    """Augmented values stay where the photos' values are, and do not pile up at the ends."""
    inputs = evidence.inputs
    if inputs is None or inputs.train.ndim != 4 or inputs.val.ndim != 4:
        return None
    low, high, outside = _outside(inputs)
    piled = _piled(inputs.train, low, high) - _piled(inputs.val, low, high)
    if (outside <= OUTSIDE and piled <= SATURATED) or removed(evidence) is not None:
        return None
    found = (
        f"{outside:.0%} of the train values lie outside val's range ({low:.3g} to {high:.3g}), from"
        f" {inputs.train.min():.3g} to {inputs.train.max():.3g}"
        if outside > OUTSIDE
        else f"{piled:.0%} more values of train than of val are clipped at {low:.3g} or {high:.3g}"
    )
    return Finding(
        "augmentation.bounds",
        RANGE,
        "error",
        found,
        "train values within the range of the photos",
        "Augment before scaling, or scale the steps too (a brightness step of 32 is 32 / 255)",
        0.9,
    )


def removed(evidence: Evidence) -> Finding | None:
    """Train photos are not covered by one colour, of which val's have little.

    Pixels that are clipped have one channel at an end and another elsewhere; those that are filled,
    padded or erased have all of one colour. Where values leave val's range, that is the cause. A
    run that reaches what it can shows that enough is left (cutout).
    """
    inputs = evidence.inputs
    if inputs is None or inputs.train.ndim != 4 or inputs.val.ndim != 4:
        return None
    train, val = (_pixels(x) for x in (inputs.train, inputs.val))
    if train.shape[1] != val.shape[1] or not len(train) or _outside(inputs)[2] > OUTSIDE:
        return None
    if np.unique(train[:, 0], return_counts=True)[1].max() < FILLED * len(train):
        return None  # no colour can be as frequent as its first channel's value: seen at once
    kinds, counts = np.unique(train, axis=0, return_counts=True)
    colour = kinds[counts.argmax()]
    of_train, of_val = (float((x == colour).all(1).mean()) for x in (train, val))
    partly = float((train == colour).any(1).mean()) - of_train
    if of_train - of_val < FILLED or partly > MIXED * of_train:
        return None
    reached = performance(evidence)
    sure = of_train - of_val >= MOSTLY and not (reached and reached.performs)
    return Finding(
        "augmentation.removed",
        REMOVED,
        "error" if sure else "warning",
        f"{of_train:.0%} of the pixels of train photos have the very same colour"
        f" ({', '.join(f'{x:.3g}' for x in colour)}), {of_val:.0%} of val's",
        "train photos that show about as much as val's do",
        "Look at a batch of train photos: crops beyond the photo's edge, shifts and turns by too"
        " much (a fraction or degrees, not pixels), or too large a part erased leave one colour",
        0.9 if sure else 0.6,
    )


def _outside(inputs: Inputs) -> tuple[float, float, float]:
    """Ends of val's range, and the share of train's values beyond them."""
    low, high = float(inputs.val.min()), float(inputs.val.max())
    margin = MARGIN * (high - low)
    beyond = (inputs.train < low - margin) | (inputs.train > high + margin)
    return low, high, float(beyond.mean())


def _pixels(photos: Float32[np.ndarray, "n c h w"]) -> Float32[np.ndarray, "p c"]:
    """Colours of at most PIXELS pixels, evenly picked."""
    flat = photos.transpose(0, 2, 3, 1).reshape(-1, photos.shape[1])
    return flat[:: max(len(flat) // PIXELS, 1)]


def _piled(values: Float32[np.ndarray, "..."], low: float, high: float) -> float:
    """Share of values at either end of a range, or beyond it."""
    edge = 1e-3 * (high - low)
    return float(((values <= low + edge) | (values >= high - edge)).mean())


def fresh(evidence: Evidence) -> Finding | None:
    """Every reading of a train photo is another view."""
    inputs = evidence.inputs
    if inputs is None or not inputs.augments or inputs.train_repeats is not True:
        return None
    return Finding(
        "augmentation.fresh",
        FROZEN,
        "error",
        "train photos are the same tensor every time, though they are meant to be augmented",
        "another view each time",
        "Cache before the random steps, not after them",
        0.95,
    )


def workers(evidence: Evidence) -> Finding | None:
    """Workers draw from different seeds."""
    if evidence.inputs is None or evidence.inputs.workers_agree is not True:
        return None
    return Finding(
        "augmentation.workers",
        WORKERS,
        "error",
        "two workers draw the same augmentation for the same photo",
        "different draws",
        "Seed each worker's generator in worker_init_fn, from torch.initial_seed()",
        0.97,
    )


CHECKS = (validation, removed, bounds, fresh, workers)
