"""Every check, by family; where two are equally sure, the one listed first is named first."""

from collections.abc import Callable

from florascope.doctor.checks import (
    augmentation,
    batchnorm,
    claims,
    features,
    head,
    inputs,
    labels,
    optimisation,
    serving,
    skill,
    split,
    weights,
)
from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

Check = Callable[[Evidence], Finding | None]

FAMILIES = (
    inputs,
    labels,
    split,
    weights,
    batchnorm,
    optimisation,
    head,
    augmentation,
    claims,
    serving,
    features,
    skill,
)
CHECKS: tuple[Check, ...] = tuple(check for family in FAMILIES for check in family.CHECKS)
