"""What another form of a bundle costs, measured on photos."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from florascope.runtime.observation import Observation
from florascope.shapes import Float, Int64

CELLS = 2  # a map of fewer places has no correlation


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One form beside the bundle on the same n photos.

    Attributes:
        n: photos.
        top1_before: share of right answers of the bundle.
        top1_after: the same of the other form.
        agreement: share of photos that both answer alike.
        logit_gap: largest absolute difference of a logit.
        mean_logit_gap: mean absolute difference of the logits.
        map_correlation: mean over photos of Pearson's r between the two maps of the bundle's first
            class; NaN without maps.
        least_map_correlation: the smallest of them.
    """

    n: int
    top1_before: float
    top1_after: float
    agreement: float
    logit_gap: float
    mean_logit_gap: float
    map_correlation: float
    least_map_correlation: float

    def to_json(self) -> dict[str, float | int | None]:
        """Return the figures as JSON values; None where there is none."""
        return {k: None if np.isnan(v) else v for k, v in asdict(self).items()}


def fidelity(
    before: Sequence[Observation], after: Sequence[Observation], labels: Int64[np.ndarray, "n"]
) -> Fidelity:
    """Compare two forms of one classifier.

    Args:
        before: what the bundle gave for n >= 1 photos.
        after: what the other form gave for the same ones.
        labels: (n,) their classes.
    """
    plain, other = (np.stack([seen.logits for seen in many]) for many in (before, after))
    first = plain.argmax(1)
    gaps = np.abs(other - plain)
    alike = [_correlation(*pair) for pair in zip(before, after, first, strict=True)]
    return Fidelity(
        n=len(labels),
        top1_before=float((first == labels).mean()),
        top1_after=float((other.argmax(1) == labels).mean()),
        agreement=float((other.argmax(1) == first).mean()),
        logit_gap=float(gaps.max()),
        mean_logit_gap=float(gaps.mean()),
        map_correlation=float(np.mean(alike)),
        least_map_correlation=float(np.min(alike)),
    )


def _correlation(before: Observation, after: Observation, index: np.int64) -> float:
    if before.maps is None or after.maps is None:
        return float("nan")
    return correlation(before.maps[index], after.maps[index])


def correlation(one: Float[np.ndarray, "h w"], other: Float[np.ndarray, "h w"]) -> float:
    """Pearson's r of two maps; NaN where one is constant."""
    flat = np.stack([one.ravel(), other.ravel()]).astype(np.float64)
    if flat.shape[1] < CELLS or not (flat.max(1) > flat.min(1)).all():
        return float("nan")
    return float(np.asarray(np.corrcoef(flat))[0, 1])
