"""Are the pretrained weights in the network?"""

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

ALIKE = 0.5  # cosine: fine-tuning keeps weights far above, chance gives about 0
FRESH = 0.9  # share of normalisation layers as made

NOT_LOADED = "backbone weights not loaded"
PARTLY = "backbone weights partly loaded"
FIX = "Load with strict=True and look at the missing and unexpected names (a prefix may differ)"


def loaded(evidence: Evidence) -> Finding | None:
    """Every pretrained weight is there, or has moved from there."""
    network = evidence.network
    if network is None:
        return None
    if not network.similarity:
        return _fresh(evidence)
    strange = [key for key, cosine in network.similarity.items() if cosine < ALIKE]
    share = len(strange) / len(network.similarity)
    if not strange:
        return None
    found = f"{len(strange)} of {len(network.similarity)} weights are not the pretrained ones"
    cause = NOT_LOADED if share > FRESH else PARTLY
    expected = "all of them (a cosine near 1)"
    return Finding(
        "weights.loaded", cause, "error", f"{found} ({strange[0]} first)", expected, FIX, 0.96
    )


def _fresh(evidence: Evidence) -> Finding | None:
    """Without the pretrained weights: a frozen network whose norms are as they were made."""
    network = evidence.network
    if network is None or network.untouched < FRESH:
        return None
    frozen = set(network.trainable) <= set(network.head)
    return Finding(
        "weights.loaded",
        NOT_LOADED,
        "error" if frozen else "note",
        f"{network.untouched:.0%} of the normalisation layers have scale 1 and shift 0 throughout",
        "values that training left there",
        FIX,
        0.9 if frozen else 0.3,
    )


CHECKS = (loaded,)
