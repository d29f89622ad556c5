"""Who is known, who is a stranger, and what is said of either."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from florascope.calibration.calibration import Calibrated
from florascope.calibration.fitting import HeldOut, calibrate, fit_figures
from florascope.calibration.similarity import Features, similarities
from florascope.data.dataset import ClassName, Split
from florascope.identify.catalogue import Catalogue
from florascope.identify.verdict import judge, unnamed
from florascope.metrics import Labels, Logits, softmax
from florascope.nets.classifier import Samples
from florascope.shapes import Float, Int64
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

CLASSES, STRANGERS, VALIDATION = 102, 20, 12
DRAWS = 5
REFUSED = 0.10
CURVE = (0.03, 0.05, 0.08, 0.10, 0.12, 0.15, 0.20)  # of known validation photos refused

Indexes = Int64[np.ndarray, "_"]
Scores = Float[np.ndarray, "n"]
Score = Callable[[Indexes], Scores]


@dataclass(frozen=True, eq=False)
class World:
    """One draw of species.

    Attributes:
        split: photos of the known species alone.
        labels: (n,) of all photos, known species counted from 0; 0 for strangers.
        classes: how many are known.
        strangers: photos of the 20 species that are measured.
        selecting: photos of 12 further species, by which everything is chosen.
        catalogue: the known species.
    """

    split: Split
    labels: Labels
    classes: int
    strangers: Indexes
    selecting: Indexes
    catalogue: Catalogue


def draw(labels: Labels, split: Split, names: tuple[ClassName, ...], seed: int) -> World:
    """Draw which species are strangers, which select, and which are known."""
    order = np.random.default_rng(seed).permutation(CLASSES)
    strange, selecting = order[:STRANGERS], order[STRANGERS : STRANGERS + VALIDATION]
    known = np.sort(order[STRANGERS + VALIDATION :])
    numbers = np.zeros(CLASSES, np.int64)
    numbers[known] = np.arange(len(known))
    return World(
        split.only(np.isin(labels, known)),
        numbers[labels],
        len(known),
        np.flatnonzero(np.isin(labels, strange)),
        np.flatnonzero(np.isin(labels, selecting)),
        Catalogue.of(tuple(names[k] for k in known)),
    )


@dataclass(frozen=True, eq=False)
class Answers:
    """A probe on features, calibrated as `florascope train` does it."""

    features: Features
    logits: Logits
    calibrated: Calibrated
    mirrored: tuple[Features, Logits] | None = None

    @classmethod
    def of(cls, world: World, features: Features, mirrored: Features | None = None) -> "Answers":
        """Fit a probe to the known species' training photos.

        Args:
            world: who is known.
            features: of all photos.
            mirrored: of their mirror images, those of training photos aside.
        """
        train, val = (
            Samples(torch.from_numpy(features[i]), torch.from_numpy(world.labels[i]), world.classes)
            for i in (world.split.train, world.split.val)
        )
        head = fit_probe(train, val, Probe())
        logits = head.logits(features)
        calibrated = calibrate(features, logits, world.labels, world.split)
        twins = None if mirrored is None else (mirrored, head.logits(mirrored))
        return cls(features, logits, calibrated, twins)

    def named(self, world: World, photos: Indexes, *, familiar: bool) -> tuple[float, float]:
        """Return the shares of photos of which a species is named, and a wrong one.

        Args:
            world: the known species.
            photos: whom to ask about.
            familiar: ask whether they are familiar; else as bundles of before do.
        """
        figures, means, ratio = self.calibrated
        if not familiar:
            val = world.split.val
            alike = similarities(self.features[val], means).max(1)
            figures = fit_figures(HeldOut(self.logits[val], alike, world.labels[val]))
        shares = softmax(self.logits[photos] / figures.temperature)
        alike = similarities(self.features[photos], means).max(1)
        named = wrong = 0
        for number, photo in enumerate(photos):
            judged = judge(shares[number], float(alike[number]), figures, world.catalogue)
            if ratio is not None and figures.familiarity is not None:
                best = float(ratio(self.features[[photo]]).max())
                strange = figures.familiarity.is_strange(float(self.logits[photo].max()), best)
                judged = unnamed(judged) if strange else judged
            if judged.verdict.level == "species":
                named += 1
                wrong += judged.verdict.members[0] != world.labels[photo]
        return named / len(photos), wrong / len(photos)


def separation(score: Score, world: World, strangers: Indexes) -> dict[str, float]:
    """Measure a score, larger for what is known.

    Returns:
        AUROC between known test photos and strangers; `at` the threshold that refuses 10 % of the
        known validation photos.
    """
    value = auroc(score(world.split.test), score(strangers))
    return {"auroc": value, **at(score, world, strangers, REFUSED)}


def at(score: Score, world: World, strangers: Indexes, share: float) -> dict[str, float]:
    """Return the shares of known test photos refused and of strangers accepted at a threshold.

    Args:
        score: larger for what is known.
        world: the known species.
        strangers: photos of others.
        share: of known validation photos that the threshold refuses.
    """
    least = np.quantile(score(world.split.val), share)
    refused = (score(world.split.test) < least).mean()
    return {"refused": float(refused), "accepted": float((score(strangers) >= least).mean())}


def auroc(known: Scores, strange: Scores) -> float:
    """Chance that a known photo scores above a stranger; ties count half (Mann and Whitney)."""
    ordered = np.sort(strange)
    below = np.searchsorted(ordered, known, "left") + np.searchsorted(ordered, known, "right")
    return float(below.mean() / 2 / len(strange))
