"""Does the network end in logits?"""

import numpy as np
from jaxtyping import Float

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

TWICE = "softmax twice"
DROPOUT = "dropout after the last layer"
LOGIT_LOSSES = frozenset({"CrossEntropyLoss", "cross_entropy"})


def softmax(evidence: Evidence) -> Finding | None:
    """A loss that applies softmax gets logits, not probabilities."""
    modes, loop = evidence.modes, evidence.loop
    if modes is None or not _probabilities(modes.evaluated):
        return None
    loss = loop.loss if loop else "CrossEntropyLoss"
    if loss not in LOGIT_LOSSES or _dropped(evidence) > 0:
        return None
    low = np.log(np.e + evidence.classes - 1) - 1
    return Finding(
        "head.softmax",
        TWICE,
        "error",
        f"outputs of every photo are positive and sum to 1, and {loss} applies softmax again"
        f" (the loss cannot fall below {low:.2f})",
        "logits, of any sign and sum",
        "Drop the softmax from the network, or use NLLLoss on its logarithm",
        0.97,
    )


def dropout(evidence: Evidence) -> Finding | None:
    """No answer is dropped: in train mode no output is exactly 0."""
    dropped = _dropped(evidence)
    if dropped == 0:
        return None
    return Finding(
        "head.dropout",
        DROPOUT,
        "error",
        f"{dropped:.0%} of the outputs are exactly 0 in train mode, and not in eval mode",
        "none: dropout stands before the last layer",
        "Move the dropout before the last linear layer",
        0.97,
    )


def _probabilities(outputs: Float[np.ndarray, "b k"]) -> bool:
    return bool(outputs.min() >= 0 and np.abs(outputs.sum(1) - 1).max() < 1e-3)


def _dropped(evidence: Evidence) -> float:
    """Share of outputs that are 0 in train mode alone."""
    modes = evidence.modes
    if modes is None or (modes.evaluated == 0).any():
        return 0.0
    return float((modes.trained == 0).mean())


CHECKS = (softmax, dropout)
