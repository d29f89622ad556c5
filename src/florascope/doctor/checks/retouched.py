"""Is the network right for the right reason, and as often when photos are changed?"""

from florascope.doctor.evidence import AS_IT_IS, Evidence
from florascope.doctor.finding import Finding
from florascope.doctor.retouching import CENTRE, EDGE, LOOKED_AT, SWAPPED

BGR = "validation photos are BGR, train photos RGB (or the reverse)"
BORDER = "the edge of the photos gives the class away"

GAINS = 0.12  # of accuracy
SIGMAS = 3.0
ALONE = 0.8  # of the accuracy above chance that the edge alone keeps
FALLS = 0.5  # of the accuracy above chance that is left without it


def colours(evidence: Evidence) -> Finding | None:
    """Val photos are answered best as they are."""
    right, val = evidence.exchanged, evidence.val_answers
    if AS_IT_IS not in right or SWAPPED not in right or val is None:
        return None
    gained = right[SWAPPED] - right[AS_IT_IS]
    doubt = SIGMAS * (0.5 / min(len(val.labels), LOOKED_AT)) ** 0.5 / 2
    chance = 1 / max(evidence.classes, 2)
    if gained < max(GAINS, doubt) or right[SWAPPED] < chance + GAINS:
        return None
    return Finding(
        "retouched.colours",
        BGR,
        "error",
        f"{right[AS_IT_IS]:.0%} of val is right as it is, {right[SWAPPED]:.0%} with red and blue"
        " exchanged",
        "fewer with the channels exchanged",
        "Read train and val alike: OpenCV gives BGR, convert with image[..., ::-1]",
        0.97,
    )


def border(evidence: Evidence) -> Finding | None:
    """The edge alone, where subjects seldom are, does not tell the class."""
    right = evidence.exchanged
    if not {AS_IT_IS, CENTRE, EDGE} <= set(right) or evidence.classes < 2:
        return None
    chance = 1 / evidence.classes
    whole, alone, without = (right[name] - chance for name in (AS_IT_IS, CENTRE, EDGE))
    if whole < 2 * GAINS or alone < ALONE * whole or without > FALLS * whole:
        return None
    return Finding(
        "retouched.border",
        BORDER,
        "error",
        f"{right[AS_IT_IS]:.0%} of val is right; {right[CENTRE]:.0%} when the edge (15 % of a side)"
        f" alone is shown, {right[EDGE]:.0%} when it is hidden",
        "answers that hang on the middle of the photo",
        "Look at the photos' borders for watermarks, stamps, frames or dates, and cut them off",
        0.9,
    )


CHECKS = (colours, border)
