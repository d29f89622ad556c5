"""Every check, by family; where two are equally sure, the one listed first is named first."""

from collections.abc import Callable

from florascope.doctor.checks import (
    augmentation,
    exchange,
    figures,
    history,
    inputs,
    labels,
    layers,
    leaks,
    loop,
    loss,
    network,
    optimisation,
    pictures,
    recorded,
    retouched,
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
    *recorded.CHECKS,
    *optimisation.CHECKS,
    *loop.CHECKS,
    *loss.CHECKS,
    *layers.CHECKS,
    *network.HEAD_CHECKS,
    *augmentation.CHECKS,
    *figures.CLAIM_CHECKS,
    *history.CHECKS,
    *serving.CHECKS,
    *exchange.CHECKS,
    *retouched.CHECKS,
    *split.FEATURE_CHECKS,
    *figures.SKILL_CHECKS,
)
