"""Whether a photo is of any known class at all."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from florascope.errors import BundleError

MAX_WEIGHT = 1e6


@dataclass(frozen=True, slots=True)
class Familiarity:
    """How much a photo looks like one of a known class rather than of one that was never shown.

    About 0 of known photos on average, and in the likelihood ratio's standard deviations over them.

    Attributes:
        ratio: weight of the photo's largest likelihood ratio; see `likelihood_ratio`.
        logit: weight of its largest logit.
        offset: added.
        least: no species is named of a photo whose score is below this.
    """

    ratio: float
    logit: float
    offset: float
    least: float

    def score(self, logit: float, ratio: float) -> float:
        """Return the score of a photo by its largest logit and likelihood ratio."""
        return self.ratio * ratio + self.logit * logit + self.offset

    def is_strange(self, logit: float, ratio: float | None) -> bool:
        """Whether no species may be named; of a graph without ratios, never."""
        # not "<", so that NaN is strange too
        return ratio is not None and not self.score(logit, ratio) >= self.least

    def to_json(self) -> dict[str, float]:
        """Return the figures as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:  # noqa: ANN401 (JSON)
        """Read what `to_json` gave.

        Raises:
            BundleError: a figure is missing, unknown, no number or out of range.
        """
        try:
            read = cls(**values)
            right = all(math.isfinite(v) and abs(v) <= MAX_WEIGHT for v in asdict(read).values())
        except TypeError as error:
            raise _garbled(error) from error
        if not right:
            raise _garbled(values)
        return read


def _garbled(found: object) -> BundleError:
    return BundleError(
        f"the familiarity in config.json lacks or garbles {str(found)[:200]}",
        expected="finite numbers: " + ", ".join(Familiarity.__dataclass_fields__),
    )
