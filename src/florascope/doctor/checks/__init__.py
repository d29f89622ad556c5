"""Every check, by family; where two are equally sure, the one listed first is named first."""

from collections.abc import Callable

from florascope.doctor.checks import (
    augmentation,
    claims,
    exchange,
    inputs,
    labels,
    layers,
    loop,
    losses,
    network,
    optimisation,
    pictures,
    reading,
    recorded,
    skill,
    split,
)
from florascope.doctor.evidence import Evidence, Finding

Check = Callable[[Evidence], Finding | None]

CHECKS: tuple[Check, ...] = (
    *inputs.INPUT_CHECKS,
    *reading.CHECKS,
    *pictures.PICTURE_CHECKS,
    *labels.CHECKS,
    *split.LEAK_CHECKS,
    *split.SPLIT_CHECKS,
    *network.WEIGHT_CHECKS,
    *network.BATCHNORM_CHECKS,
    *losses.ASKED_CHECKS,
    *recorded.CHECKS,
    *optimisation.CHECKS,
    *loop.CHECKS,
    *losses.CHECKS,
    *layers.CHECKS,
    *network.HEAD_CHECKS,
    *augmentation.CHECKS,
    *claims.CHECKS,
    *inputs.SERVING_CHECKS,
    *exchange.CHECKS,
    *pictures.FILE_CHECKS,
    *pictures.RETOUCHED_CHECKS,
    *split.FEATURE_CHECKS,
    *skill.CHECKS,
)
