"""What a bundle must know in order to say how sure it is, and when not to answer."""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.similarity import Features, Means, class_means, similarities
from florascope.calibration.temperature import calibration_error, fit_temperature
from florascope.data.dataset import Split
from florascope.errors import BundleError
from florascope.metrics import Labels, Logits, softmax
from florascope.shapes import Float

LEVEL = 0.90
REFUSED = 0.03
DOUBTED = 0.08
"""Shares of known photos that are refused, and that are not named for want of confidence.

Chosen on ten species held out of a frozen probe (benchmarks/verdicts): the price of not naming
most of the species that a classifier has never seen.
"""

MIN_TEMPERATURE = 1e-3  # `fit_temperature` stays within [0.05, 20]
MAX_FIGURE = 1e12


@dataclass(frozen=True, slots=True)
class Calibration:
    """Figures fitted on validation photos.

    Attributes:
        photos: how many there were.
        temperature: what logits are divided by before the softmax.
        ece_before: expected calibration error of the plain softmax on these photos.
        ece_after: the same with the temperature.
        level: coverage that the prediction sets promise.
        thresholds: one a class, on 1 - probability; see `conformal.balanced_thresholds`.
        alike: a photo whose largest similarity to a class mean is below this is refused.
        sure: a class is named where its calibrated probability is at least this.
    """

    photos: int
    temperature: float
    ece_before: float
    ece_after: float
    level: float
    thresholds: tuple[float, ...]
    alike: float
    sure: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {**asdict(self), "thresholds": list(self.thresholds)}

    @classmethod
    def from_json(cls, values: dict[str, Any], classes: int) -> Self:
        """Read what `to_json` gave.

        Raises:
            BundleError: a figure is missing, unknown, no number or out of range.
        """
        try:
            read = cls(**{**values, "thresholds": tuple(values["thresholds"])})
            figures = [v for v in asdict(read).values() if not isinstance(v, tuple)]
            right = MIN_TEMPERATURE <= read.temperature <= 1 / MIN_TEMPERATURE and all(
                math.isfinite(v) and abs(v) <= MAX_FIGURE for v in (*figures, *read.thresholds)
            )
        except (TypeError, KeyError) as error:
            raise BundleError(
                f"the calibration in config.json lacks or garbles {error}",
                expected=", ".join(cls.__dataclass_fields__),
            ) from error
        if not right or len(read.thresholds) != classes:
            raise BundleError(
                f"the calibration in config.json has {len(read.thresholds)} thresholds and"
                f" temperature {read.temperature}",
                expected=f"finite numbers, a threshold for each of {classes} classes",
            )
        return read


class Calibrated(NamedTuple):
    """A calibration with what it compares photos to.

    Attributes:
        calibration: the figures.
        means: (K, c) unit class means of the training features.
    """

    calibration: Calibration
    means: Means


def calibrate(features: Features, logits: Logits, labels: Labels, split: Split) -> Calibrated:
    """Fit everything that a verdict needs: class means on train, the rest on val.

    Args:
        features: (n, c) pooled features of all photos.
        logits: (n, K) of all photos.
        labels: (n,).
        split: which photos trained and which were held out. Test photos are not looked at.
    """
    train, val = split.train, split.val
    means = class_means(features[train], labels[train], logits.shape[1])
    alike = similarities(features[val], means).max(1)
    return Calibrated(fit_figures(logits[val], alike, labels[val]), means)


def fit_figures(logits: Logits, alike: Float[np.ndarray, "n"], labels: Labels) -> Calibration:
    """Fit the figures to validation photos.

    Args:
        logits: (n, K).
        alike: (n,) largest similarity of each photo to a class mean.
        labels: (n,).
    """
    temperature = fit_temperature(logits, labels)
    before, after = softmax(logits), softmax(logits / temperature)
    return Calibration(
        photos=len(labels),
        temperature=temperature,
        ece_before=calibration_error(before, labels),
        ece_after=calibration_error(after, labels),
        level=LEVEL,
        thresholds=tuple(balanced_thresholds(after, labels, LEVEL).tolist()),
        alike=lower_quantile(alike, REFUSED),
        sure=lower_quantile(after.max(1), DOUBTED),
    )


def lower_quantile(values: Float[np.ndarray, "n"], share: float) -> float:
    """Return the value below which a new one falls with a probability of at most `share`.

    It is the k-th smallest, k = floor(share (n + 1)): a new value, exchangeable with these, falls
    below it with probability at most k / (n + 1). At least the smallest, however few there are.
    """
    k = max(1, math.floor(share * (len(values) + 1)))
    return float(np.sort(values)[k - 1])
