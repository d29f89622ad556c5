"""How far a measured share can be trusted: 95 % intervals for proportions."""

import math
from typing import NamedTuple

Z = 1.959963984540054  # the normal distribution's 97.5 % point


class Interval(NamedTuple):
    """Bounds of a 95 % interval."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies within the bounds."""
        return self.low <= value <= self.high


def wilson(share: float, n: int) -> Interval:
    """Wilson's score interval (1927) for a share of n independent trials.

    centre = (p + z^2/2n) / (1 + z^2/n), half width = z / (1 + z^2/n) sqrt(p(1-p)/n + z^2/4n^2).
    Unlike the normal approximation it stays within [0, 1] and does not shrink to nothing at 0 or 1.

    Args:
        share: of successes, in [0, 1].
        n: trials; 0 gives [0, 1].
    """
    if n == 0:
        return Interval(0.0, 1.0)
    shrink = 1.0 + Z**2 / n
    centre = (share + Z**2 / (2 * n)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def difference(first: tuple[float, int], second: tuple[float, int]) -> Interval:
    """Interval of the difference of two independent shares (Newcombe 1998, method 10).

    Args:
        first: share and number of trials.
        second: likewise; the interval is of first minus second.
    """
    (p1, n1), (p2, n2) = first, second
    one, two = wilson(p1, n1), wilson(p2, n2)
    down = math.hypot(p1 - one.low, two.high - p2)
    up = math.hypot(one.high - p1, p2 - two.low)
    return Interval(p1 - p2 - down, p1 - p2 + up)
