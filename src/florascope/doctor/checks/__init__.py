"""Every check, by family; where two are equally sure, the one listed first is named first."""

from collections.abc import Callable

from florascope.doctor.checks import (
    augmentation,
    exchange,
    figures,
    inputs,
    labels,
    leaks,
    loop,
    network,
    optimisation,
    pictures,
    serving,
    split,
)
from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

Check = Callable[[Evidence], Finding | None]

CHECKS: tuple[Check, ...] = (
    *inputs.CHECKS,
    *pictures.CHECKS,
    *labels.CHECKS,
    *leaks.CHECKS,
    *split.SPLIT_CHECKS,
    *network.WEIGHT_CHECKS,
    *network.BATCHNORM_CHECKS,
    *optimisation.CHECKS,
    *loop.CHECKS,
    *network.HEAD_CHECKS,
    *augmentation.CHECKS,
    *figures.CLAIM_CHECKS,
    *serving.CHECKS,
    *exchange.CHECKS,
    *split.FEATURE_CHECKS,
    *figures.SKILL_CHECKS,
)
