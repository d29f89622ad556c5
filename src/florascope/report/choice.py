"""Which test photos are explained: by rules fixed beforehand and a seed, never by hand."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from florascope.data.splits import Indexes
from florascope.evaluation.metrics import softmax
from florascope.training.experiment import Experiment

Reason = Literal["random_right", "unsure_right", "confident_error", "random_error"]
HALF = 3  # right answers, and as many errors


@dataclass(frozen=True, slots=True)
class Choice:
    """A test photo and why it was taken.

    Attributes:
        index: into the data set.
        reason: the rule that took it.
    """

    index: int
    reason: Reason


def choose(experiment: Experiment) -> list[Choice]:
    """Take up to 3 right and 3 wrong test answers, each by a rule.

    Right: the least sure one and two at random. Wrong: the most confident one and two at random.
    The draws use the recipe's seed.
    """
    test = experiment.split.test
    logits = experiment.logits[test]
    right = logits.argmax(1) == experiment.dataset.labels[test]
    sure = softmax(logits).max(1)
    draw = np.random.default_rng(experiment.recipe.seed)
    return [
        *_take(test, right, sure, "random_right", "unsure_right", draw),
        *_take(test, ~right, -sure, "random_error", "confident_error", draw),
    ]


def _take(
    test: Indexes,
    among: Bool[np.ndarray, "n"],
    order: Float[np.ndarray, "n"],
    random: Reason,
    first: Reason,
    draw: np.random.Generator,
) -> list[Choice]:
    """Take the photo that comes first in an order, and others at random."""
    places = np.flatnonzero(among)
    if not len(places):
        return []
    extreme = places[int(np.argmin(order[places]))]
    rest = places[places != extreme]
    drawn = draw.choice(rest, min(HALF - 1, len(rest)), replace=False)
    return [
        Choice(int(test[extreme]), first),
        *(Choice(int(test[place]), random) for place in drawn),
    ]
