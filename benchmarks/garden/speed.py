"""How many photos of the garden one core renders in a second."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from florascope.data.dataset import Photo


@dataclass(frozen=True, slots=True)
class Speed:
    """Photos a second, the median and the extremes of several runs.

    Attributes:
        wall: by the clock on the wall, which other work on the machine slows.
        cpu: by the processor time of this process, which it slows less.
        best: by the sum, over the photos, of each one's least processor time in any run.
        slowest: of `cpu`.
        fastest: of `cpu`.
    """

    wall: float
    cpu: float
    best: float
    slowest: float
    fastest: float


def speed(photos: Sequence[Photo], runs: int) -> Speed:
    """Render photos again and again, after a round that fills the caches."""
    for photo in photos:
        photo.read()
    rounds = [[_seconds(photo) for photo in photos] for _ in range(runs)]
    wall, cpu = ([len(photos) / sum(s[k] for s in seconds) for seconds in rounds] for k in (0, 1))
    least = sum(min(seconds[i][1] for seconds in rounds) for i in range(len(photos)))
    return Speed(
        statistics.median(wall), statistics.median(cpu), len(photos) / least, min(cpu), max(cpu)
    )


def _seconds(photo: Photo) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    photo.read()
    return time.perf_counter() - wall, time.process_time() - cpu
