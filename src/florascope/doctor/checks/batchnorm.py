"""Are BatchNorm's statistics the ones the weights were taught with, and used at evaluation?"""

import numpy as np
from jaxtyping import Float

from florascope.doctor.checks import weights
from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

DRIFTED = 0.05  # running standard deviations
TOLERANCE = 0.05  # of the logits' own spread

DRIFT = "BatchNorm statistics drift in a frozen backbone"
TRAIN_MODE = "train mode at evaluation"


def drift(evidence: Evidence) -> Finding | None:
    """A frozen backbone's running statistics are frozen, too."""
    network = evidence.network
    strange = weights.loaded(evidence) is not None  # then statistics are others for that reason
    frozen = [n for n in network.norms if n.frozen] if network and not strange else []
    drifted = [n for n in frozen if n.drift is not None and n.drift > DRIFTED]
    fix = "Keep the frozen part in eval mode: backbone.eval() after every model.train()"
    expected = "running means as pretrained, since scale and shift are frozen"
    if drifted:
        worst = max(drifted, key=lambda n: n.drift or 0.0)
        found = (
            f"running means of {len(drifted)} of {len(frozen)} frozen layers moved, by up to"
            f" {worst.drift:.2g} standard deviations ({worst.name})"
        )
        return Finding("batchnorm.drift", DRIFT, "error", found, expected, fix, 0.97)
    if network is None or evidence.modes is None or network.similarity:
        return None
    moving = [n.name for n in frozen if n.moves]
    if not moving or not evidence.modes.training:
        return None
    found = f"a pass in train mode moves {len(moving)} frozen layers ({moving[0]} first)"
    return Finding("batchnorm.drift", DRIFT, "warning", found, expected, fix, 0.7)


def mode(evidence: Evidence) -> Finding | None:
    """The network is evaluated in eval mode: a photo's answer does not hang on its batch."""
    modes = evidence.modes
    if modes is None or not modes.training:
        return None
    gap = _relative(modes.given, modes.evaluated)
    if gap < TOLERANCE:
        return None
    given, evaluated = (
        (x.argmax(1) == modes.labels).mean() for x in (modes.given, modes.evaluated)
    )
    return Finding(
        "batchnorm.mode",
        TRAIN_MODE,
        "error",
        f"handed over in train mode: outputs differ from eval mode's by {gap:.0%} of their spread"
        f" (top-1 of a batch {given:.0%} against {evaluated:.0%})",
        "the network as it is evaluated, in eval mode",
        "Call model.eval() before evaluating",
        0.9,
    )


def _relative(one: Float[np.ndarray, "b k"], other: Float[np.ndarray, "b k"]) -> float:
    """Root mean square difference in units of the other's spread."""
    return float(np.sqrt(np.square(one - other).mean()) / (other.std() + 1e-12))


CHECKS = (drift, mode)
