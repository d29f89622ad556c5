"""What an audit measures and found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Int64

from florascope.audit.faithfulness import REFERENCES, Curves, Perturbation
from florascope.audit.sanity import Scores, Similarity
from florascope.evaluation.intervals import Interval, bootstrap, wilson

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
        Measure(
            "pointing_near", "higher", "whether it is at most 15 pixels from the flower", hit=True
        ),
        Measure("energy", "higher", "share of the positive evidence on the flower: area by chance"),
        Measure("area", "neither", "share of the flower among the pixels marked"),
        Measure("energy_ratio", "higher", "energy over area: 1 by chance"),
        Measure("auroc", "higher", "flower pixel above background pixel: 0.5 by chance"),
        Measure("gini", "neither", "concentration of the absolute evidence, 0 even, 1 one pixel"),
        Measure("gap", "lower", "|sum of the map - what it should sum to| / |the latter|"),
        Measure("gain_neighbours", "higher", "gain, holes filled from around them: 0 by chance"),
        Measure("noise_correlation", "higher", "map against that of the noisy photo, -1 to 1"),
        Measure("flip_correlation", "higher", "map against that of the mirrored photo, -1 to 1"),
        Measure("grid", "higher", "positive evidence in its own photo of four: 0.25 by chance"),
    )
}


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """How an audit is done.

    Attributes:
        perturbation: of the deletion and insertion curves.
        noise: of the stability check, in levels of an 8-bit pixel (of 255).
        few: photos, evenly picked, for what explains each photo again and again (noise, mirror,
            grids and randomised weights) and for deletion and insertion by another fill.
        refill: whether deletion and insertion are measured by another fill, too.
        stages: steps in which the weights are randomised.
        batch_size: photos at a time, which bounds the memory.
        resamples: of the bootstrap.
        seed: of everything drawn.
    """

    perturbation: Perturbation = field(default_factory=Perturbation)
    noise: float = 2.0
    few: int = 16
    refill: bool = True
    stages: int = 6
    batch_size: int = 16
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class MethodScores:
    """What was measured of one method.

    Attributes:
        method: its name.
        scores: (n,) by the names of MEASURES, (few,) of noise and mirror, at most as many of grid;
            NaN where a measure does not exist (no usable mask, a method that does not promise its
            sum, a photo that is not among the few, or no second fill).
        curves: of the target's probability.
        sanity: similarity to the trained network's maps, from the top downwards; none for a
            reference, which knows no weights.
    """

    method: str
    scores: dict[str, Scores]
    curves: Curves
    sanity: tuple[Similarity, ...] = ()


@dataclass(frozen=True, eq=False)
class AuditReport:
    """What was measured of all methods on the same photos.

    Attributes:
        settings: how.
        targets: (n,) the class explained in each photo.
        methods: those asked for, then the references "random" and "centre".
    """

    settings: AuditSettings
    targets: Int64[np.ndarray, "n"]
    methods: tuple[MethodScores, ...]

    @property
    def masked(self) -> int:
        """Photos whose mask shows flower and background."""
        return self.interval(REFERENCES[0], "area").n

    @property
    def explained(self) -> tuple[str, ...]:
        """The methods asked for, without the references."""
        return tuple(s.method for s in self.methods if s.method not in REFERENCES)

    def __getitem__(self, method: str) -> MethodScores:
        return next(scores for scores in self.methods if scores.method == method)

    def interval(self, method: str, measure: str) -> Interval:
        """Mean and 95 % interval of a measure over the photos."""
        values = self[method].scores[measure]
        return wilson(values) if MEASURES[measure].hit else self.bootstrapped(values)

    def difference(self, method: str, reference: str, measure: str) -> Interval:
        """The same of method less reference, photo by photo.

        Paired, because photos differ far more among each other than methods do on one photo.
        """
        one, other = (self[name].scores[measure] for name in (method, reference))
        return self.bootstrapped(one - other)

    def bootstrapped(self, values: Scores) -> Interval:
        """Interval of any figure a photo, with the audit's seed and resamples."""
        return bootstrap(values, self.settings.seed, self.settings.resamples)

    def to_json(self) -> dict[str, Any]:
        """Return means, intervals and mean curves as JSON values."""
        return {
            "photos": len(self.targets),
            "masked": self.masked,
            "settings": asdict(self.settings),
            "measures": [asdict(measure) for measure in MEASURES.values()],
            "methods": {scores.method: self._method(scores) for scores in self.methods},
        }

    def _method(self, scores: MethodScores) -> dict[str, Any]:
        method, curves = scores.method, scores.curves
        return {
            "reference": method in REFERENCES,
            "measures": {name: self.interval(method, name).to_json() for name in scores.scores},
            "curves": {
                "at": curves.at.tolist(),
                "deletion": curves.deletion.mean(0).tolist(),
                "insertion": curves.insertion.mean(0).tolist(),
            },
            "sanity": [self._stage(similarity) for similarity in scores.sanity],
        }

    def _stage(self, similarity: Similarity) -> dict[str, Any]:
        return {
            "stage": similarity.stage,
            "signed": self.bootstrapped(similarity.signed).to_json(),
            "absolute": self.bootstrapped(similarity.absolute).to_json(),
        }


def join_scores(parts: Sequence[MethodScores]) -> MethodScores:
    """Put one method's batches together."""
    first = parts[0]
    curves = Curves(
        first.curves.at,
        np.concatenate([part.curves.deletion for part in parts]),
        np.concatenate([part.curves.insertion for part in parts]),
    )
    scores = {name: np.concatenate([part.scores[name] for part in parts]) for name in first.scores}
    return MethodScores(first.method, scores, curves)
