"""What is said of a photo, or of several of one thing: verdict, candidates, cautions, as JSON."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.data.species import Language
from florascope.identify.catalogue import Catalogue
from florascope.identify.caution import Caution, cautions
from florascope.identify.prior import Weighting
from florascope.identify.verdict import RANKS, Verdict, ordered
from florascope.identify.words import calibration_remark
from florascope.shapes import Float

NAMED = 3  # names that a sentence can bear
TOP = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One class as an answer.

    Attributes:
        index: of the class in the logits.
        class_id: its id.
        name: its name for people, in the language asked for.
        scientific_name: None where it is not known.
        probability: calibrated, 0 to 1.
    """

    index: int
    class_id: str
    name: str
    scientific_name: str | None
    probability: float


class Conclusion(ABC):
    """What both have in common.

    Attributes:
        catalogue: the classes.
        probabilities: (K,) calibrated where the bundle is.
        prediction_set: classes that it may be, most probable first; see `conformal`.
        plausible: classes whose harm is named; see `verdict.plausible`.
        verdict: how much may be said.
        calibration: what the probabilities rest on; None in a bundle without one.
        weighting: what a prior did; None without one.
    """

    catalogue: Catalogue
    probabilities: Float[np.ndarray, "k"]
    prediction_set: tuple[int, ...]
    plausible: tuple[int, ...]
    verdict: Verdict
    calibration: Calibration | None
    weighting: Weighting | None

    @property
    @abstractmethod
    def alike(self) -> float | None:
        """Largest cosine to a class's mean; None in a bundle without means."""

    @property
    @abstractmethod
    def nearest(self) -> int:
        """The class that it resembles the most."""

    @property
    def calibrated(self) -> bool:
        """Whether the bundle has a calibration."""
        return self.calibration is not None

    def candidates(self, language: Language = "en", top: int = TOP) -> list[Candidate]:
        """Return the most probable classes, most first."""
        every = ordered(tuple(range(len(self.probabilities))), self.probabilities)
        return [self._candidate(k, language) for k in every[:top]]

    def statement(self, language: Language = "en") -> str:
        """Say the verdict in one sentence or two."""
        words, verdict = self.catalogue.words(language), self.verdict
        sentence = getattr(words, verdict.level if self.calibrated else "uncalibrated")
        names = "" if verdict.level == "none" else self._names(verdict.members, language)
        return str(sentence.format(what=names, names=names, group=verdict.group))

    def remark(self, language: Language = "en") -> str | None:
        """Say on how few photos the percentages rest; None where they are enough."""
        return calibration_remark(self.calibration, language)

    def weighting_remark(self, language: Language = "en") -> str | None:
        """Say that a prior weighed the percentages, and how; None where none did."""
        if self.weighting is None:
            return None
        words, alone = self.catalogue.words(language), self.weighting.alone
        if self.verdict.level == "none":
            return words.unweighted
        first = ordered(tuple(range(len(alone))), alone)[:NAMED]
        shares = (f"{self.catalogue.name(k, language)} {_percent(alone[k])}" for k in first)
        month, cell = self.weighting.occasion.month, self.weighting.occasion.cell
        when = [words.month.format(month=month)] if month else []
        occasion = ", ".join([*when, *([cell] if cell else [])])
        return words.weighted.format(occasion=occasion, alone=", ".join(shares))

    def cautions(self, language: Language = "en") -> tuple[Caution, ...]:
        """Return the harm of every plausible class and of all that the verdict speaks of."""
        named = ordered(tuple({*self.plausible, *self.verdict.members}), self.probabilities)
        return cautions(self.catalogue, named, language)

    def refusal(self, language: Language = "en") -> dict[str, Any] | None:
        """Say what a refused photo resembles the most, and why that is not enough.

        Returns:
            The nearest class as look-alikes are named, its similarity and the one needed (cosines
            to class means), and why in words; None where the photo was not refused.
        """
        calibration, alike = self.calibration, self.alike
        if self.verdict.level != "none" or calibration is None or alike is None:
            return None
        known = math.isfinite(alike)
        figures = {
            "alike": math.floor(1000 * alike) / 1000 if known else "?",
            "needed": math.ceil(1000 * calibration.alike) / 1000,  # apart, however near they are
            "share": round(100 * (1 - calibration.refused)),
        }
        return {
            "nearest": self.catalogue.entry(self.nearest, language),
            "similarity": alike if known else None,
            "needed": calibration.alike,
            "reason": self.catalogue.words(language).resemblance.format(**figures),
        }

    def lookalikes(self) -> tuple[int, ...]:
        """Return the classes that are easily taken for one of the prediction set."""
        return self.catalogue.lookalikes(self.prediction_set)

    def to_json(self, language: Language = "en", top: int = TOP) -> dict[str, Any]:
        """Return the answer as docs/identify-json.md describes it, without the file's name."""
        catalogue, refusal = self.catalogue, self.refusal(language)
        return {
            "verdict": self._verdict(language),
            "candidates": [
                {**catalogue.entry(c.index, language), "probability": c.probability}
                for c in self.candidates(language, top)
            ],
            "prediction_set": catalogue.ids(self.prediction_set),
            "cautions": [c.to_json() for c in self.cautions(language)],
            "lookalikes": [catalogue.entry(k, language) for k in self.lookalikes()],
            "calibration": self._calibration(language),
            "advice": catalogue.words(language).advice,
            **({"refusal": refusal} if refusal else {}),
            **self._prior(language, top),
        }

    def _prior(self, language: Language, top: int) -> dict[str, Any]:
        """Say that a prior was asked, and what the photo alone gives."""
        if self.weighting is None:
            return {}
        occasion, alone = self.weighting.occasion, self.weighting.alone
        first = ordered(tuple(range(len(alone))), alone)[:top]
        shares = [
            {**self.catalogue.entry(k, language), "probability": float(alone[k])} for k in first
        ]
        remark = self.weighting_remark(language)
        told = {"month": occasion.month, "cell": occasion.cell, "remark": remark}
        return {"prior": {**told, "alone": shares}}

    def _verdict(self, language: Language) -> dict[str, Any]:
        level, sure = self.verdict.level, self.verdict.probability
        named = level in {"species", *RANKS}
        return {
            "level": level,
            "statement": self.statement(language),
            "probability": sure if named else None,
            "members": self.catalogue.ids(self.verdict.members),
        }

    def _calibration(self, language: Language) -> dict[str, Any] | None:
        if self.calibration is None:
            return None
        photos, folds = self.calibration.photos, self.calibration.folds
        return {"photos": photos, "folds": folds, "remark": self.remark(language)}

    def _candidate(self, index: int, language: Language) -> Candidate:
        catalogue = self.catalogue
        (class_id,) = catalogue.ids([index])
        name, scientific = catalogue.name(index, language), catalogue.scientific_name(index)
        return Candidate(index, class_id, name, scientific, float(self.probabilities[index]))

    def _names(self, indexes: tuple[int, ...], language: Language) -> str:
        """Write "a, b or c"; of many, the first three and how many more there are."""
        words = self.catalogue.words(language)
        names = [self._name(k, language) for k in indexes[:NAMED]]
        if more := len(indexes) - NAMED if len(indexes) > NAMED else 0:
            names.append(words.others.format(count=more))
        if len(names) == 1:
            return names[0]
        return f"{', '.join(names[:-1])} {words.either} {names[-1]}"

    def _name(self, index: int, language: Language) -> str:
        name, scientific = (
            self.catalogue.name(index, language),
            self.catalogue.scientific_name(index),
        )
        return f"{name} ({scientific})" if scientific else name


def _percent(share: float) -> str:
    """Write a percentage, never a plain 0 or 100: no answer is that sure."""
    if share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"
