"""What a bundle must know in order to say how sure it is, and when not to answer."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from florascope.calibration.similarity import Means
from florascope.errors import BundleError

if TYPE_CHECKING:  # it needs SciPy, which the light install lacks
    from florascope.calibration.likelihood_ratio import LikelihoodRatio

LEVEL = 0.90
REFUSED = 0.03
DOUBTED = 0.08
"""Shares of known photos that are refused, and that are not named for want of confidence.

Chosen on ten species held out of a frozen probe (benchmarks/verdicts): the price of not naming
most of the species that a classifier has never seen.
"""

LOGITS = 0.5
"""Weight of a photo's largest logit against its largest likelihood ratio, each in standard
deviations of held-out photos. Weights that tell photos from the same ones without their own class
lean too much on the logits, which a head was trained to keep low for those. Chosen on species that
are neither known nor reported (benchmarks/open_world)."""

UNFAMILIAR = 0.08
"""Share of known photos of which no species is named because they may show a stranger."""

REFUSED_TOO, DOUBTED_TOO = 0.01, 0.03
"""The other two shares where strangers can be told. Cosines tell hardly any that familiarity does
not: refusing other things asks for one known photo in a hundred. Probabilities hold off wrong names
of known classes. All three were chosen on species that are neither known nor reported, for a tenth
of the known photos not named (benchmarks/open_world)."""

PRIOR = 4.0
"""How much evidence holds T at 1, chosen on draws of few photos (benchmarks/calibration)."""

FEW = 100
"""A share measured on n photos is known to about 1 / sqrt(n): to 10 points on this many."""

MAX_WEIGHT = 1e6
MIN_TEMPERATURE = 1e-3  # `fit_temperature` stays within [0.05, 20]
MAX_FIGURE = 1e12


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


@dataclass(frozen=True, slots=True)
class Calibration:
    """Figures fitted on photos that had no part in fitting the head that answered them.

    Attributes:
        photos: how many there were.
        temperature: what logits are divided by before the softmax.
        ece_before: expected calibration error of the plain softmax on these photos.
        ece_after: the same with the temperature.
        level: coverage that the prediction sets promise.
        thresholds: one a class, on 1 - probability; see `conformal.balanced_thresholds`.
        alike: a photo whose largest similarity to a class mean is below this is refused.
        sure: a class is named where its calibrated probability is at least this.
        folds: 0 where the photos are the validation photos; else they are those of train and val,
            each answered by a head fitted to the other folds.
        pooling: what several photos of one thing add, 0 (no confidence) to 1 (as if they were
            independent); see `pooling.pooled`. 0 in bundles of before.
        familiarity: which photos no species is named of; None in bundles of before, and where the
            classes are too few to learn it.
    """

    photos: int
    temperature: float
    ece_before: float
    ece_after: float
    level: float
    thresholds: tuple[float, ...]
    alike: float
    sure: float
    folds: int = 0
    pooling: float = 0.0
    familiarity: Familiarity | None = None

    @property
    def rough(self) -> bool:
        """Whether the photos are too few to take percentages at their word."""
        return self.photos < FEW

    @property
    def refused(self) -> float:
        """The share of known photos that are less like the class means than `alike`."""
        return REFUSED_TOO if self.familiarity else REFUSED

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        values = {**asdict(self), "thresholds": list(self.thresholds)}
        if self.familiarity is None:
            del values["familiarity"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any], classes: int) -> Self:
        """Read what `to_json` gave.

        Raises:
            BundleError: a figure is missing, unknown, no number or out of range.
        """
        try:
            familiarity = values.get("familiarity")
            parts = {
                "thresholds": tuple(values["thresholds"]),
                "familiarity": None if familiarity is None else Familiarity.from_json(familiarity),
            }
            read = cls(**{**values, **parts})
            figures = [v for k, v in asdict(read).items() if k not in parts]
            right = MIN_TEMPERATURE <= read.temperature <= 1 / MIN_TEMPERATURE and all(
                math.isfinite(v) and abs(v) <= MAX_FIGURE for v in (*figures, *read.thresholds)
            )
            right = right and 0 <= read.pooling <= 1
        except (TypeError, KeyError, AttributeError) as error:
            raise BundleError(
                f"the calibration in config.json lacks or garbles {error}",
                expected=", ".join(cls.__dataclass_fields__),
            ) from error
        if not right or len(read.thresholds) != classes:
            raise BundleError(
                f"the calibration in config.json has {len(read.thresholds)} thresholds,"
                f" temperature {read.temperature} and pooling {read.pooling}",
                expected=f"finite numbers, a threshold for each of {classes} classes",
            )
        return read


class Calibrated(NamedTuple):
    """A calibration with what it compares photos to.

    Attributes:
        calibration: the figures.
        means: (K, c) unit class means of the training features.
        ratio: what `familiarity` rests on; None where there is none.
    """

    calibration: Calibration
    means: Means
    ratio: "LikelihoodRatio | None" = None
