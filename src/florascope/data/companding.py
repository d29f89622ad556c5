"""Non-negative features in a few levels a value, small enough to travel inside the package."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float32, UInt8

from florascope.errors import DataError

TINIEST = float(np.finfo(np.float16).smallest_normal)


@dataclass(frozen=True, eq=False)
class Companded:
    """Features as whole numbers: a value v of channel c is stored as sqrt(v / top_c) in levels.

    The square root (companding: W. R. Bennett, "Spectra of quantized signals", Bell System
    Technical Journal 27, 1948) spends more levels on small values, of which pooled activations
    have the most. What is restored differs from v by at most
    top_c (sqrt(v / top_c) / (levels - 1) + 1 / (4 (levels - 1)^2)), but for the rounding of top.

    Attributes:
        codes: (c, n), 0 to levels - 1; channel by channel, as this compresses best.
        top: (c,) the largest value of each channel, in half precision.
        levels: how many values a code can take.
    """

    codes: UInt8[np.ndarray, "c n"]
    top: Float16[np.ndarray, "c"]
    levels: int

    def __post_init__(self) -> None:
        highest = int(self.codes.max(initial=0))
        if not 2 <= self.levels <= 256 or highest >= self.levels:
            raise DataError(
                f"codes up to {highest} in {self.levels} levels",
                expected="2 to 256 levels, and codes below them",
            )

    @classmethod
    def of(cls, features: Float32[np.ndarray, "n c"], levels: int) -> "Companded":
        """Store features.

        Args:
            features: n photos' features, none negative.
            levels: 2 to 256.

        Raises:
            DataError: a feature is negative, infinite or no number.
        """
        if not (np.isfinite(features).all() and (features >= 0).all()):
            raise DataError("features below 0, or not finite", expected="pooled ReLU activations")
        top = np.maximum(features.max(0), TINIEST).astype(np.float16)
        share = (features / top.astype(np.float32)).clip(0, 1)
        codes = np.rint(np.sqrt(share) * (levels - 1)).astype(np.uint8)
        return cls(np.ascontiguousarray(codes.T), top, levels)

    def expand(self) -> Float32[np.ndarray, "n c"]:
        """Restore the features, (n, c)."""
        root = np.arange(self.levels, dtype=np.float32) / np.float32(self.levels - 1)
        table = np.square(root)[None] * self.top.astype(np.float32)[:, None]
        values = np.take_along_axis(table, self.codes.astype(np.intp), axis=1)
        features: Float32[np.ndarray, "n c"] = np.ascontiguousarray(values.T)
        return features
