"""What a photo was answered, and how that is said."""

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from florascope.calibration.calibration import REFUSED, Calibration
from florascope.data.species import Language
from florascope.display import picture_html, table_html
from florascope.errors import ExplanationError
from florascope.identify.catalogue import Catalogue
from florascope.identify.caution import Caution, cautions
from florascope.identify.verdict import RANKS, Verdict, ordered
from florascope.identify.words import calibration_remark
from florascope.overlay import Picture, full_colour, overlay
from florascope.preprocessing import Crop
from florascope.shapes import Float, Float32


@dataclass(frozen=True, eq=False)
class Observation:
    """One photo through the bundle's graph.

    Attributes:
        crop: what the network saw, (size, size, 3).
        logits: (K,).
        maps: (K, h, w) class activation maps of all classes in logit units, each summing to its
            logit less the bias; None where the network does not pool linearly.
        alike: largest cosine of its features to a class mean; None in a bundle without means.
        features: (c,) what the head reads; None where the graph does not give them.
        nearest: the class of that mean.
    """

    crop: Crop
    logits: Float32[np.ndarray, "k"]
    maps: Float32[np.ndarray, "k h w"] | None
    alike: float | None
    features: Float32[np.ndarray, "c"] | None = None
    nearest: int | None = None


def spread(evidence: Float[np.ndarray, "h w"], size: int) -> Float32[np.ndarray, "size size"]:
    """Spread evidence a place over (size, size) pixels, bilinearly, so that it keeps its sum.

    The same as `florascope.explanation.cam.spread`: half-pixel centres, and what rounding
    leaves over is shared evenly among all pixels.
    """
    values = evidence.astype(np.float32)
    fine = np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR))
    fine = fine * np.float32(values.size / size**2)
    left_over = values.sum(dtype=np.float64) - fine.sum(dtype=np.float64)
    return (fine + left_over / size**2).astype(np.float32)


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


@dataclass(frozen=True, eq=False)
class Identification:
    """The answer to one photo.

    Attributes:
        catalogue: the classes.
        observation: what the network gave: crop, logits, class maps, similarity.
        probabilities: (K,) calibrated where the bundle is.
        prediction_set: classes that it may be, most probable first; see `conformal`.
        plausible: classes whose harm is named; see `verdict.plausible`.
        verdict: how much may be said.
        calibration: what the probabilities rest on; None in a bundle without one.
    """

    catalogue: Catalogue
    observation: Observation
    probabilities: Float[np.ndarray, "k"]
    prediction_set: tuple[int, ...]
    plausible: tuple[int, ...]
    verdict: Verdict
    calibration: Calibration | None

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

    def cautions(self, language: Language = "en") -> tuple[Caution, ...]:
        """Return the harm of every plausible class and of all that the verdict speaks of."""
        named = ordered(tuple({*self.plausible, *self.verdict.members}), self.probabilities)
        return cautions(self.catalogue, named, language)

    @property
    def nearest(self) -> int:
        """The class that the photo resembles the most."""
        found = self.observation.nearest
        return int(self.probabilities.argmax()) if found is None else found

    def refusal(self, language: Language = "en") -> dict[str, Any] | None:
        """Say what a refused photo resembles the most, and why that is not enough.

        Returns:
            The nearest class as look-alikes are named, its similarity and the one needed (cosines
            to class means), and why in words; None where the photo was not refused.
        """
        calibration, alike = self.calibration, self.observation.alike
        if self.verdict.level != "none" or calibration is None or alike is None:
            return None
        known = math.isfinite(alike)
        figures = {
            "alike": math.floor(1000 * alike) / 1000 if known else "?",
            "needed": math.ceil(1000 * calibration.alike) / 1000,  # apart, however near they are
            "share": round(100 * (1 - REFUSED)),
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

    def class_map(self, index: int, against: int | None = None) -> Float32[np.ndarray, "h w"]:
        """Return what each place of the feature map says for a class, in logit units, (h, w).

        Args:
            index: the class.
            against: another class: "why A, not B", the difference of the two maps.

        Raises:
            ExplanationError: the network has no class maps.
        """
        maps = self.observation.maps
        if maps is None:
            raise ExplanationError(
                "this model's network has no class maps",
                expected="a network of pooled features and a linear head",
                fix="Use: florascope explain BUNDLE IMAGE --method gradcam",
            )
        return maps[index] if against is None else maps[index] - maps[against]

    def bias(self, index: int, against: int | None = None) -> float:
        """Return what of a class's logit no place of the photo says, in logit units.

        The map's sum and this are the logit, or the difference of two: it is the head's bias,
        which is the same for every photo.

        Args:
            index: the class.
            against: see `class_map`.

        Raises:
            ExplanationError: the network has no class maps.
        """
        logits = self.observation.logits.astype(np.float64)
        whole = logits[index] - (0.0 if against is None else logits[against])
        return float(whole - self.class_map(index, against).sum(dtype=np.float64))

    def evidence(self, index: int, against: int | None = None) -> Float32[np.ndarray, "size size"]:
        """Return the same of each pixel of the crop, (size, size); see `class_map`."""
        return spread(self.class_map(index, against), len(self.observation.crop))

    def picture(self, index: int | None = None, against: int | None = None) -> Picture:
        """Draw the evidence over the crop, orange for and blue against, (size, size, 3).

        Args:
            index: the class; None for the most probable one.
            against: see `evidence`.
        """
        chosen = int(self.probabilities.argmax()) if index is None else index
        values = self.evidence(chosen, against)
        return overlay(self.observation.crop, values, full_colour(values))

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
        }

    def _verdict(self, language: Language) -> dict[str, Any]:
        level, sure = self.verdict.level, self.verdict.probability
        named = level in {"species", *RANKS}
        return {
            "level": level,
            "statement": self.statement(language),
            "probability": sure if named else None,
        }

    def __repr__(self) -> str:
        first = self.candidates(top=1)[0]
        return f"<Identification {self.statement()} ({first.name} {first.probability:.1%})>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentence, its cautions, and the first candidates."""
        rows = [
            (c.name, c.scientific_name or "", f"{c.probability:.1%}") for c in self.candidates()
        ]
        told = [self.statement(), *(caution.text for caution in self.cautions()), self.remark()]
        sentences = "".join(f"<p>{escape(line)}</p>" for line in told if line)
        seen = picture_html(self.observation.crop)
        return f"{sentences}{seen}{table_html(('candidate', '', 'probability'), rows)}"

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
