"""Seeded draws that come out the same on every machine and with every NumPy."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float64, UInt8

Option = TypeVar("Option")
Draws = Float64[np.ndarray, "n"]


class Dice:
    """Draws from the raw words of PCG64.

    NumPy promises the words of a seeded bit generator for ever, but not what `Generator` makes of
    them (NEP 19), so the steps from words to numbers are taken here, exactly.

    Args:
        entropy: whole numbers, 0 or more; equal numbers give equal draws.
    """

    def __init__(self, *entropy: int) -> None:
        self._source = np.random.PCG64(np.random.SeedSequence(entropy))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number, low <= x < high."""
        return low + (high - low) * ((int(self._source.random_raw()) >> 11) * 2.0**-53)

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Draws:
        """Return n numbers, low <= x < high."""
        units = (self._source.random_raw(n) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * units

    def jitters(self, n: int, spread: float) -> Draws:
        """Return n numbers around 0 with a triangular density, -spread < x < spread."""
        units = self.uniforms(2 * n, 0.0, spread)
        return units[:n] - units[n:]

    def jitter(self, spread: float) -> float:
        """One such number."""
        return self.uniform(0.0, spread) - self.uniform(0.0, spread)

    def whole(self, low: int, high: int) -> int:
        """One whole number, both ends included."""
        return low + int(self.uniform() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.uniform() < probability

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely."""
        return options[self.whole(0, len(options) - 1)]

    def octets(self, n: int) -> UInt8[np.ndarray, "n"]:
        """Return n uniform bytes, low byte of each word first."""
        words = self._source.random_raw(-(-n // 8))
        return words.astype("<u8", copy=False).view(np.uint8)[:n]
