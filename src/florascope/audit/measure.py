"""What an audit measures, one number a photo and method."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that says something of a map.

    Attributes:
        name: its key in the report.
        better: which way is good; "neither" where it only describes.
        meaning: one line for people, with the range.
        hit: whether a photo gives only yes or no, 1 or 0.
    """

    name: str
    better: Better
    meaning: str
    hit: bool = False


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("deletion", "lower", "probability while the strongest places go: area, 0 to 1"),
        Measure("insertion", "higher", "probability while the strongest places come: area, 0 to 1"),
        Measure("gain", "higher", "insertion less deletion, probability: 0 by chance, -1 to 1"),
        Measure("gain_logit", "higher", "insertion less deletion, logit: 0 by chance"),
        Measure(
            "pointing", "higher", "whether the strongest pixel is flower: area by chance", hit=True
        ),
        Measure("energy", "higher", "share of the positive evidence on the flower: area by chance"),
        Measure("area", "neither", "share of the flower among the pixels marked"),
        Measure("energy_ratio", "higher", "energy over area: 1 by chance"),
        Measure("auroc", "higher", "flower pixel above background pixel: 0.5 by chance"),
        Measure("gini", "neither", "concentration of the absolute evidence, 0 even, 1 one pixel"),
        Measure("gap", "lower", "|sum of the map - what it should sum to| / |the latter|"),
        Measure("noise_correlation", "higher", "map against that of the noisy photo, -1 to 1"),
        Measure("flip_correlation", "higher", "map against that of the mirrored photo, -1 to 1"),
    )
}
