"""How far one explanation may be trusted: figures of this photo alone."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float

from florascope.audit.faithfulness import Perturbation, faithfulness
from florascope.explanation.explanation import Explanation, find_class
from florascope.model.classifier import Classifier

HALF = 0.5


@dataclass(frozen=True, slots=True)
class Trust:
    """Figures that stand beside a map.

    Attributes:
        deletion: mean probability of the class while the places that speak most for it are
            blurred away, most first (Petsiuk et al. 2018): low where they carry the answer.
        random_deletion: the same in random order, which no map should be worse than.
        half_area: share of the picture on which half of the evidence for the class lies; 0 where
            nothing speaks for it.
    """

    deletion: float
    random_deletion: float
    half_area: float

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def trust(classifier: Classifier, found: Explanation) -> Trust:
    """Measure one explanation, in about forty forward passes of one photo."""
    contract = classifier.preprocessing
    image = torch.from_numpy(contract.normalise(found.crop[None]))
    target = torch.tensor([find_class(classifier, found.target.id)])
    values = torch.from_numpy(found.values.copy())[None]
    how = Perturbation.of(len(found.crop))
    deletion, random = (
        float(faithfulness(classifier, image, target, v, how).probability.deletion_auc[0])
        for v in (values, torch.zeros_like(values))
    )
    return Trust(deletion, random, half_area(found.values))


def half_area(values: Float[np.ndarray, "h w"]) -> float:
    """Share of the pixels that hold half of the positive evidence, the strongest first."""
    positive = np.sort(values.clip(min=0).ravel().astype(np.float64))[::-1]
    held = positive.cumsum()
    if held[-1] == 0:
        return 0.0
    return float((np.searchsorted(held, HALF * held[-1]) + 1) / len(held))
