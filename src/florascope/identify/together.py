"""Several photos of one thing, answered together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.calibration.pooling import pooled
from florascope.data.species import Language
from florascope.errors import PhotoError
from florascope.identify.catalogue import Catalogue
from florascope.identify.conclusion import TOP, Conclusion
from florascope.identify.identification import Identification, is_strange
from florascope.identify.prior import Weighting
from florascope.identify.verdict import RANKS, Judgement, Verdict, judge, ordered, unnamed, unsure
from florascope.metrics import softmax
from florascope.overlay import Picture
from florascope.shapes import Float

MOST = 20  # photos


@dataclass(frozen=True, eq=False)
class Group(Conclusion):
    """The answer to several photos of one thing; see `Conclusion` for what is not named here.

    Attributes:
        photos: the answer to each, with its own maps.
        counted: how many of them have a say: those that alone would not be refused.
        disagreeing: whether photos that alone would be named bear different names.
        weighting: what a prior did; None without one.
    """

    catalogue: Catalogue
    photos: tuple[Identification, ...]
    probabilities: Float[np.ndarray, "k"]
    prediction_set: tuple[int, ...]
    plausible: tuple[int, ...]
    verdict: Verdict
    calibration: Calibration | None
    counted: int
    disagreeing: bool
    weighting: Weighting | None = None

    @property
    def judgement(self) -> Judgement:
        """What the pooled probabilities came to."""
        return Judgement(self.probabilities, self.prediction_set, self.plausible, self.verdict)

    @property
    def alike(self) -> float | None:
        """Of the photo that is the most alike."""
        return _most_alike(self.photos).alike

    @property
    def nearest(self) -> int:
        """Of the photo that is the most alike."""
        return _most_alike(self.photos).nearest

    def lookalikes(self) -> tuple[int, ...]:
        """Return what any of the photos would warn of, alone or together."""
        alone = {k for photo in self.photos for k in photo.lookalikes()}
        own = set(self.prediction_set)
        return tuple(sorted({*super().lookalikes(), *alone} - own))

    def picture(self) -> Picture:
        """Draw every photo's evidence for the group's first candidate side by side.

        Raises:
            ExplanationError: the network has no class maps.
        """
        first = int(self.probabilities.argmax())
        return np.concatenate([photo.picture(first) for photo in self.photos], axis=1)

    def statement(self, language: Language = "en") -> str:
        """Say the verdict, and what about the photos speaks against it."""
        words, sentences = self.catalogue.words(language), [super().statement(language)]
        if self.disagreeing:
            sentences.append(words.disagreeing)
        if refused := len(self.photos) - self.counted if self.counted else 0:
            sentences.append(words.uncounted.format(count=refused, photos=len(self.photos)))
        return " ".join(sentences)

    def to_json(self, language: Language = "en", top: int = TOP) -> dict[str, Any]:
        """Return the answer as docs/identify-json.md describes `together`."""
        how = {"photos": len(self.photos), "counted": self.counted}
        return {**super().to_json(language, top), **how, "disagreeing": self.disagreeing}

    def __repr__(self) -> str:
        return f"<Group of {len(self.photos)}: {self.statement()}>"


def combine(photos: Sequence[Identification]) -> Group:
    """Answer for several photos of one thing, such as views of a plant.

    Their logits are pooled as the bundle's calibration found right for groups of held-out photos
    (`pooling.pooled`). It is no surer than the photos allow, and warns no less than they:

    - photos that alone would be refused have no say; where they are half or more, nothing is named,
      and where all are, the group is refused;
    - where half of the others or more may show a stranger, no species is named;
    - where photos that alone would be named bear different names, nothing is named;
    - whatever a photo alone would warn of, the group warns of.

    Args:
        photos: answers of one bundle to at most MOST photos, without a prior.

    Raises:
        PhotoError: there are none, or too many.
    """
    if not 0 < len(photos) <= MOST:
        raise PhotoError(f"{len(photos)} photos together", expected=f"1 to {MOST} of one thing")
    known = [photo for photo in photos if photo.verdict.level != "none"]
    catalogue, calibration = photos[0].catalogue, photos[0].calibration
    shares = _probabilities(known or photos, calibration)
    judged = judge(shares, _most_alike(photos).alike, calibration, catalogue)
    if 2 * sum(is_strange(one.observation, calibration) for one in known) >= max(1, len(known)):
        judged = unnamed(judged)
    feared = {k for one in photos for k in (*one.plausible, *one.verdict.members)}
    named = ordered(tuple({*judged.plausible, *feared}), shares)
    disagreeing = _disagree(known)
    doubtful = disagreeing or 0 < len(known) <= len(photos) / 2
    verdict = unsure(named, shares) if doubtful else judged.verdict
    judged = judged._replace(plausible=named, verdict=verdict)
    return Group(catalogue, tuple(photos), *judged, calibration, len(known), disagreeing)


def _probabilities(
    photos: Sequence[Identification], calibration: Calibration | None
) -> Float[np.ndarray, "k"]:
    """Without a calibration: the mean of logits, which promises no more than one photo."""
    logits = np.stack([photo.observation.logits for photo in photos])
    if calibration is None:
        return softmax(pooled(logits, 0.0)[None])[0]
    return softmax(pooled(logits, calibration.pooling)[None] / calibration.temperature)[0]


def _disagree(photos: Sequence[Identification]) -> bool:
    """Whether what is named of some photos has no class in common."""
    named = [set(p.verdict.members) for p in photos if p.verdict.level in {"species", *RANKS}]
    return bool(named) and not set.intersection(*named)


def _most_alike(photos: Sequence[Identification]) -> Identification:
    def alike(photo: Identification) -> float:
        found = photo.alike
        return -math.inf if found is None or math.isnan(found) else found

    return max(photos, key=alike)
