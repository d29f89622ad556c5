"""One photo put to the explainers: why this class, and for an error, why not the true one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from florascope.explanation.attribution import Explainer
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Crop
from florascope.report.pictures import crop_of
from florascope.report.words import Words
from florascope.training.experiment import Experiment

PIXELWISE = {"ig"}  # methods whose single pixels are too noisy to look at
SMOOTHING = 1 / 14  # of the side, as standard deviation: as coarse as a map of 7 x 7 places

Map = Float[np.ndarray, "size size"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The answer of one explainer to one question.

    Attributes:
        title: the method.
        question: "Why lotus?", or "Why lotus and not rose?".
        values: (size, size) logit units a pixel, as shown.
        logit: of the class asked about, or the difference of two.
        gap: completeness gap; None where the method promises no sum.
    """

    title: str
    question: str
    values: Map
    logit: float
    gap: float | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One photo, as the network saw it and answered.

    Attributes:
        classifier: the network.
        crop: (size, size, 3) what it saw.
        logits: (K,) what it said.
        true: index of the photo's class.
        words: the language of titles and questions.
    """

    classifier: Classifier
    crop: Crop
    logits: Float[np.ndarray, "k"]
    true: int
    words: Words

    @classmethod
    def of(cls, experiment: Experiment, index: int, words: Words) -> Self:
        """Take a photo of a finished run."""
        true = int(experiment.dataset.labels[index])
        crop = crop_of(experiment, index)
        return cls(experiment.classifier, crop, experiment.logits[index], true, words)

    @property
    def predicted(self) -> int:
        """Index of the answered class."""
        return int(self.logits.argmax())

    @property
    def right(self) -> bool:
        """Whether the answer is the photo's class."""
        return self.predicted == self.true

    def name(self, k: int) -> str:
        """Return a class's name."""
        return self.classifier.classes[k].name

    def evidence(self, explainers: Sequence[Explainer]) -> list[Evidence]:
        """Ask every explainer for the answer; for an error, the first for the difference too."""
        found = [self.ask(explainer, self.predicted) for explainer in explainers]
        if not self.right:
            other = self.ask(explainers[0], self.true)
            found.append(self.contrast(found[0], other))
        return found

    def ask(self, explainer: Explainer, target: int) -> Evidence:
        """Explain one class's logit."""
        batch = torch.from_numpy(self.classifier.preprocessing.normalise(self.crop[None]))
        attribution = explainer(self.classifier, batch, torch.tensor([target]))
        values = attribution.values[0].detach().double().numpy()
        if attribution.method in PIXELWISE:
            # Reflected borders keep the sum, and with it the completeness, as it was.
            values = gaussian_filter(values, SMOOTHING * len(values), mode="reflect")
        return Evidence(
            title=self.words(f"method.{attribution.method}"),
            question=self.words("explained.why", name=self.name(target)),
            values=values,
            logit=float(self.logits[target]),
            gap=float(attribution.gap[0]) if attribution.complete else None,
        )

    def contrast(self, answer: Evidence, other: Evidence) -> Evidence:
        """Subtract the true class's evidence from the answer's: what tipped the balance."""
        names = {"predicted": self.name(self.predicted), "true": self.name(self.true)}
        return Evidence(
            title=self.words("explained.contrast.title", method=answer.title),
            question=self.words("explained.contrast", **names),
            values=answer.values - other.values,
            logit=answer.logit - other.logit,
        )
