"""What a photo was answered, and how that is said."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from florascope.calibration.calibration import Calibration
from florascope.errors import ExplanationError
from florascope.identify.catalogue import Catalogue
from florascope.identify.conclusion import Conclusion
from florascope.identify.prior import Weighting
from florascope.identify.verdict import Verdict
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
        ratios: (K,) see `florascope.calibration.likelihood_ratio`; None where the graph has none.
    """

    crop: Crop
    logits: Float32[np.ndarray, "k"]
    maps: Float32[np.ndarray, "k h w"] | None
    alike: float | None
    features: Float32[np.ndarray, "c"] | None = None
    nearest: int | None = None
    ratios: Float32[np.ndarray, "k"] | None = None


def is_strange(seen: Observation, calibration: Calibration | None) -> bool:
    """Whether a photo may show what the classifier has never seen: no species is named of it."""
    if calibration is None or calibration.familiarity is None:
        return False
    ratio = None if seen.ratios is None else float(seen.ratios.max())
    return calibration.familiarity.is_strange(float(seen.logits.max()), ratio)


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


@dataclass(frozen=True, eq=False)
class Identification(Conclusion):
    """The answer to one photo.

    Attributes:
        catalogue: the classes.
        observation: what the network gave: crop, logits, class maps, similarity.
        probabilities: (K,) calibrated where the bundle is.
        prediction_set: classes that it may be, most probable first; see `conformal`.
        plausible: classes whose harm is named; see `verdict.plausible`.
        verdict: how much may be said.
        calibration: what the probabilities rest on; None in a bundle without one.
        weighting: what a prior did; None without one.
    """

    catalogue: Catalogue
    observation: Observation
    probabilities: Float[np.ndarray, "k"]
    prediction_set: tuple[int, ...]
    plausible: tuple[int, ...]
    verdict: Verdict
    calibration: Calibration | None
    weighting: Weighting | None = None

    @property
    def alike(self) -> float | None:
        """See `Conclusion`."""
        return self.observation.alike

    @property
    def nearest(self) -> int:
        """See `Conclusion`."""
        found = self.observation.nearest
        return int(self.probabilities.argmax()) if found is None else found

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
                fix="Use: `florascope.explain(model, photo)`",
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

    def __repr__(self) -> str:
        first = self.candidates(top=1)[0]
        return f"<Identification {self.statement()} ({first.name} {first.probability:.1%})>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentence, its cautions, and the first candidates."""
        from html import escape

        from florascope.display import picture_html, table_html

        rows = [
            (c.name, c.scientific_name or "", f"{c.probability:.1%}") for c in self.candidates()
        ]
        told = [self.statement(), *(caution.text for caution in self.cautions()), self.remark()]
        sentences = "".join(f"<p>{escape(line)}</p>" for line in told if line)
        seen = picture_html(self.observation.crop)
        return f"{sentences}{seen}{table_html(('candidate', '', 'probability'), rows)}"
