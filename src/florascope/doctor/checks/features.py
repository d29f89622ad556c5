"""Do the features tell photos apart?"""

import numpy as np
from jaxtyping import Float

from florascope.doctor.evidence import Evidence
from florascope.doctor.finding import Finding

COLLAPSED = "collapsed features"
CONSTANT = "constant predictions"

SAME = 0.01  # spread of features over their size: every photo gets the same ones
RANK = 1.5  # effective dimensions
MOSTLY = 0.9  # of the answers


def collapsed(evidence: Evidence) -> Finding | None:
    """Features differ between photos, in more than one direction."""
    answers = evidence.val_answers
    if answers is None or not np.isfinite(answers.features).all():
        return None
    spread, rank = relative_spread(answers.features), effective_rank(answers.features)
    dead = float((answers.features.std(0) == 0).mean())
    if spread > SAME and rank > RANK:
        return None
    return Finding(
        "features.collapsed",
        COLLAPSED,
        "error",
        f"features of different photos differ by {spread:.2%} of their size, in {rank:.1f}"
        f" effective dimensions of {answers.features.shape[1]} ({dead:.0%} never change)",
        "a spread of tens of percent, in many dimensions",
        "Look at the input's scale and at the weights; a learning rate too high kills ReLUs",
        0.8,
    )


def relative_spread(features: Float[np.ndarray, "n c"]) -> float:
    """Root mean square deviation from the mean feature over the root mean square feature."""
    size = float(np.sqrt(np.square(features).mean()))
    return float(features.std(0).mean()) / size if size else 0.0


def effective_rank(features: Float[np.ndarray, "n c"]) -> float:
    """Participation ratio of the covariance's eigenvalues, (sum e)^2 / sum e^2."""
    centred = (features - features.mean(0)).astype(np.float64)
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    total = np.square(gram).sum()
    return float(np.trace(gram) ** 2 / total) if total > 0 else 0.0


def constant(evidence: Evidence) -> Finding | None:
    """Answers are of many classes, as the labels are."""
    answers = evidence.val_answers
    if answers is None or not evidence.trained:
        return None
    said = np.bincount(answers.outputs.argmax(1), minlength=evidence.classes) / len(answers.labels)
    inside = answers.labels[(answers.labels >= 0) & (answers.labels < evidence.classes)]
    truth = np.bincount(inside, minlength=evidence.classes) / max(len(inside), 1)
    if said.max() < MOSTLY or truth.max() > 0.8 * MOSTLY:
        return None
    return Finding(
        "features.constant",
        CONSTANT,
        "error",
        f"{said.max():.0%} of val is answered as class {int(said.argmax())}, whose share is"
        f" {truth[int(said.argmax())]:.0%}",
        "answers spread over the classes",
        "See the other findings; a loss that diverged leaves one class",
        0.6,
    )


CHECKS = (collapsed, constant)
