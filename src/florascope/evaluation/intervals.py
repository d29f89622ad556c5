"""How far a measured share or mean can be trusted: 95 % intervals."""

import math
import warnings
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float64

from florascope.metrics import Bounds, wilson_share


def difference(first: tuple[float, int], second: tuple[float, int]) -> Bounds:
    """Interval of the difference of two independent shares (Newcombe 1998, method 10).

    Args:
        first: share and number of trials.
        second: likewise; the interval is of first minus second.
    """
    (p1, n1), (p2, n2) = first, second
    one, two = wilson_share(p1, n1), wilson_share(p2, n2)
    down = math.hypot(p1 - one.low, two.high - p2)
    up = math.hypot(one.high - p1, p2 - two.low)
    return Bounds(p1 - p2 - down, p1 - p2 + up)


Values = Float64[np.ndarray, "_"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % confidence interval.

    Attributes:
        mean: of the n values; NaN where there are none.
        low: the interval's lower end; NaN below two values, which say nothing of their spread.
        high: its upper end; likewise.
        n: values it was taken over.
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        mean, low, high = (f"{round(v, 2) + 0.0:.2f}" for v in (self.mean, self.low, self.high))
        return f"{mean} [n = {self.n}]" if self.n < 2 else f"{mean} [{low}, {high}]"

    def to_json(self) -> dict[str, float | int | None]:
        """Return the numbers, null where there are none."""
        return {key: value if math.isfinite(value) else None for key, value in asdict(self).items()}


def bootstrap(values: Values, seed: int = 0, resamples: int = 2000) -> Interval:
    """Bias-corrected, accelerated bootstrap interval of a mean (Efron 1987), 95 %, by SciPy.

    Unlike the plain percentiles this follows the skew of shares and areas that are near 0 or 1.

    Args:
        values: one a photo; NaN (a photo without a mask, say) is left out.
        seed: of the resampling.
        resamples: how many.
    """
    known = values[~np.isnan(values)]
    n = len(known)
    if n < 2:
        return Interval(float(known.mean()) if n else math.nan, math.nan, math.nan, n)
    mean = float(known.mean())
    if np.ptp(known) == 0:
        return Interval(mean, mean, mean, n)
    low, high = _bca(known, seed, resamples)
    return Interval(mean, low, high, n)


def _bca(values: Values, seed: int, resamples: int) -> tuple[float, float]:
    """Ends by SciPy; plain percentiles where so extreme a skew leaves BCa without an answer."""
    from scipy.stats import (  # half a second that training needs not
        DegenerateDataWarning,
        bootstrap,
    )

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", DegenerateDataWarning)
            found = bootstrap(
                (values,),
                np.mean,
                n_resamples=resamples,
                method=method,
                rng=np.random.default_rng(seed),
            ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            break
    return float(found.low), float(found.high)


def wilson(hits: Values) -> Interval:
    """Wilson's score interval (1927) of a share, 95 %; see `wilson_share`.

    Resampling cannot see the misses that were not met: of 16 hits in 16 it would make 1.00 for
    certain, where Wilson's interval begins at 0.81.

    Args:
        hits: 1 or 0 a photo; NaN is left out, and fractions (a hit shared by ties) are rounded in
            sum.
    """
    known = hits[~np.isnan(hits)]
    n = len(known)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    return Interval(float(known.mean()), *wilson_share(round(known.sum()) / n, n), n)
