"""The sentences of an answer in English and Spanish. None says that anything is safe."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from florascope.calibration.calibration import Calibration
from florascope.data.species import Harm, Language
from florascope.sentences import sentences

Subject = Literal["flowers", "things"]
"""The 102 flowers of Oxford's list, or anything else."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        species: with {what}.
        genus: with {group}.
        family: with {group}.
        group: with {group}.
        unsure: with {names}.
        uncalibrated: with {names}.
        rough: with {photos}, the few that a calibration rests on.
        none: unlike all that the classifier was shown.
        nearest: after "none", with {what}: what it resembles the most.
        resemblance: why that is not enough, with {alike} and {needed} (cosines to the nearest
            class's mean) and {share} of known photos.
        disagreeing: of photos together that alone would be named differently.
        uncounted: with {count} of {photos} together that have no say.
        weighted: with {occasion} (`month`, cell) and {alone}: what a prior did to the percentages.
        month: with {month}, 1 to 12.
        unweighted: that it did nothing, since the photo was refused.
        either: between the last two of several names.
        others: with {count}: after the first names of many.
        advice: what goes with every answer.
        people: harm to people in words; "unlisted" has none.
        pets: harm to cats and dogs in words; likewise.
        headings: of the parts of an answer.
    """

    species: str
    genus: str
    family: str
    group: str
    unsure: str
    uncalibrated: str
    rough: str
    none: str
    nearest: str
    resemblance: str
    disagreeing: str
    uncounted: str
    weighted: str
    month: str
    unweighted: str
    either: str
    others: str
    advice: str
    people: dict[Harm, str]
    pets: dict[Harm, str]
    headings: dict[str, str]


@cache
def words_of(language: Language, subject: Subject = "flowers") -> Words:
    """Return the sentences in a language that speak of such classes."""
    said = sentences("answer", language)
    things = said.pop("things")
    return Words(**(said if subject == "flowers" else {**said, **things}))


def calibration_remark(calibration: Calibration | None, language: Language) -> str | None:
    """Say on how few photos percentages rest; None where they are enough, or were never checked."""
    if calibration is None or not calibration.rough:
        return None
    return words_of(language).rough.format(photos=calibration.photos)
