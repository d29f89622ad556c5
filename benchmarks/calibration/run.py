"""Do percentages, refusals and prediction sets keep their word where photos are few?

    python benchmarks/calibration/run.py [--first 0] [--draws 20] [--out results.md]

Each draw takes some of Oxford 102's classes and a few photos of each (as features of torchvision's
MobileNetV2, which the package holds), trains the default probe on a drawn split as `florascope
train` does, and asks about 15 other photos of each class and 3 of every other class, the strangers.
"Validation photos alone" is how florascope 0.1 calibrated: no prior on the temperature, thresholds
no lower than the smallest value seen. Prior and folds were chosen on draws 1000 to 1019. The second
table is of all 102 classes, where validation photos are many.
"""

import argparse
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from florascope.calibration.calibration import DOUBTED, LEVEL, REFUSED, Calibrated
from florascope.calibration.conformal import balanced_thresholds
from florascope.calibration.fitting import calibrate, calibration_error
from florascope.calibration.similarity import Features, similarities
from florascope.data.dataset import ClassName, Dataset, Labels, Split
from florascope.data.oxford102_features import AbsentPhoto, embedded_oxford102
from florascope.data.splits import stratified
from florascope.files import write_text
from florascope.identify.catalogue import Catalogue
from florascope.identify.verdict import decide, prediction_set
from florascope.metrics import Logits, cross_entropy, softmax
from florascope.nets.classifier import LinearHead
from florascope.progress import silent
from florascope.training.heads import fit_head, samples_of
from florascope.training.probe import cross_fit, is_cross_fitted
from florascope.training.recipes import Probe

SIZES = ((2, 15), (5, 20), (10, 10), (10, 30))
NEW, STRANGE = 15, 3  # photos a class
RECIPE = Probe()
COLUMNS = ("right", "claimed", "gap", "refused", "coverage", "size", "named", "named_right")
STRANGERS = ("strangers_refused", "strangers_named")


@dataclass(frozen=True, eq=False)
class Task:
    """Photos to learn from, others of the same classes, and strangers."""

    dataset: Dataset
    features: Features
    split: Split
    new: Features
    new_labels: Labels
    strange: Features


class Way(NamedTuple):
    """One way to calibrate."""

    name: str
    calibrate: Callable[[Task, LinearHead], Calibrated]


def main() -> None:
    """Measure both ways on every size and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.md"))
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.draws)
    lines = [*few_photos(seeds), "", *many_photos()]
    write_text(options.out, "\n".join(lines) + "\n")
    print("\n".join(lines))


def few_photos(seeds: range) -> list[str]:
    """Tabulate means over draws of each size."""
    columns = (*COLUMNS, *STRANGERS)
    heading = ["classes x photos", "calibrated on", *columns, "worst refused", "worst coverage"]
    rows = []
    for classes, each in SIZES:
        tasks = [draw(classes, each, seed) for seed in seeds]
        for way, found in measured(tasks):
            means = [np.mean([figures[c] for figures in found]) for c in columns]
            worst = [max(f["refused"] for f in found), min(f["coverage"] for f in found)]
            cells = [f"{value:.3f}" for value in (*means, *worst)]
            rows.append([f"{classes} x {each}", way, *cells])
    about = (
        f"Means over draws {seeds[0]} to {seeds[-1]}. gap: |claimed - right| of a draw."
        " named_right: of those named. Promised: coverage"
        f" {LEVEL:.2f}, refused {REFUSED:.2f}. Made by `run.py`."
    )
    return ["# Calibration on few photos", "", about, "", *markdown(heading, rows)]


def many_photos() -> list[str]:
    """Tabulate the two splits of all of Oxford 102."""
    oxford = embedded_oxford102()
    features = oxford.features("torchvision")
    columns = ("right", "claimed", "ece", "refused", "coverage", "named", "named_right")
    rows = []
    for name, split in oxford.dataset.own_splits.items():
        none = features[:0]
        new = features[split.test], oxford.dataset.labels[split.test]
        task = Task(oxford.dataset, features, split, *new, none)
        for way, (figures,) in measured([task]):
            rows.append([name, way, *(f"{figures[c]:.4f}" for c in columns)])
    heading = ["split", "calibrated on", *columns]
    return ["# On all 102 classes (test photos)", "", *markdown(heading, rows)]


def draw(classes: int, each: int, seed: int) -> Task:
    """Draw a task."""
    oxford = embedded_oxford102()
    features, labels = oxford.features("torchvision"), oxford.dataset.labels
    rng = np.random.default_rng([classes, each, seed])
    counts = np.bincount(labels)
    chosen = rng.choice(np.flatnonzero(counts >= each + NEW), classes, replace=False)
    own = [rng.permutation(np.flatnonzero(labels == k))[: each + NEW] for k in chosen]
    others = np.setdiff1d(np.arange(len(counts)), chosen)
    strange = [rng.permutation(np.flatnonzero(labels == k))[:STRANGE] for k in others]
    known = np.repeat(np.arange(classes), each)
    dataset = Dataset(
        f"{classes} x {each}",
        [AbsentPhoto(f"{i}.jpg") for i in range(len(known))],
        known,
        tuple(ClassName(str(k), f"class {k}") for k in range(classes)),
    )
    return Task(
        dataset,
        features[np.concatenate([photos[:each] for photos in own])],
        stratified(known, seed),
        features[np.concatenate([photos[each:] for photos in own])],
        np.repeat(np.arange(classes), NEW),
        features[np.concatenate(strange)],
    )


def measured(tasks: list[Task]) -> Iterable[tuple[str, list[dict[str, float]]]]:
    """Yield each way with its figures on every task; a head is fitted once for all ways."""
    heads = [fitted(task) for task in tasks]
    for way in WAYS:
        pairs = zip(tasks, heads, strict=True)
        yield way.name, [figures_of(task, head, way.calibrate(task, head)) for task, head in pairs]


def fitted(task: Task) -> LinearHead:
    """Fit the default probe."""
    train, val = (samples_of(task.dataset, task.features, task.split[s]) for s in ("train", "val"))
    return fit_head(train, val, RECIPE, silent)


def cross_fitted(task: Task, head: LinearHead) -> Calibrated:
    """Calibrate as `florascope train` does."""
    held_out = None
    if is_cross_fitted(RECIPE, task.split):
        known = np.concatenate([task.split.train, task.split.val])
        held_out = cross_fit(samples_of(task.dataset, task.features, known), RECIPE, head.history)
    logits = head.logits(task.features)
    return calibrate(task.features, logits, task.dataset.labels, task.split, held_out)


def validated(task: Task, head: LinearHead) -> Calibrated:
    """Calibrate as florascope 0.1 did."""
    logits, labels = head.logits(task.features), task.dataset.labels
    figures, means, _ = calibrate(task.features, logits, labels, task.split)
    val, truth = task.split.val, labels[task.split.val]
    temperature = coldest(logits[val], truth)
    shares = softmax(logits[val] / temperature)
    figures = replace(
        figures,
        temperature=temperature,
        thresholds=tuple(balanced_thresholds(shares, truth, LEVEL).tolist()),
        alike=kth_smallest(similarities(task.features[val], means).max(1), REFUSED),
        sure=kth_smallest(shares.max(1), DOUBTED),
    )
    return Calibrated(figures, means)


WAYS = (Way("validation photos alone", validated), Way("as now", cross_fitted))


def coldest(logits: Logits, labels: Labels) -> float:
    """Return the temperature of least loss between 0.05 and 20."""
    ends = (math.log(0.05), math.log(20))
    found = minimize_scalar(
        lambda t: cross_entropy(logits / np.float64(np.exp(t)), labels), bounds=ends
    )
    return float(np.exp(found.x))


def kth_smallest(values: np.ndarray, share: float) -> float:
    """Return the smallest where there are few, however many that refuses."""
    return float(np.sort(values)[max(1, math.floor(share * (len(values) + 1))) - 1])


def figures_of(task: Task, head: LinearHead, calibrated: Calibrated) -> dict[str, float]:
    """Ask about the new photos and the strangers."""
    known, labels = Answers.of(task.new, head, calibrated), task.new_labels
    right = known.shares.argmax(1) == labels
    claimed = known.shares.max(1)
    named = known.levels == "species"
    figures = {
        "right": right.mean(),
        "claimed": claimed.mean(),
        "gap": abs(claimed.mean() - right.mean()),
        "ece": calibration_error(known.shares, labels),
        "refused": (known.levels == "none").mean(),
        "coverage": np.mean([k in held for k, held in zip(labels, known.sets, strict=True)]),
        "size": np.mean([len(held) for held in known.sets]),
        "named": named.mean(),
        "named_right": right[named].mean() if named.any() else 1.0,
    }
    if len(task.strange):
        levels = Answers.of(task.strange, head, calibrated).levels
        figures["strangers_refused"] = (levels == "none").mean()
        figures["strangers_named"] = (levels == "species").mean()
    return {name: float(value) for name, value in figures.items()}


class Answers(NamedTuple):
    """What photos were answered."""

    shares: np.ndarray
    sets: list[tuple[int, ...]]
    levels: np.ndarray

    @classmethod
    def of(cls, features: Features, head: LinearHead, calibrated: Calibrated) -> "Answers":
        """Conclude as a bundle does."""
        figures, means, ratio = calibrated
        classes = tuple(ClassName(str(k), f"class {k}") for k in range(len(means)))
        logits = head.logits(features)
        shares = softmax(logits / figures.temperature)
        alike = similarities(features, means).max(1)
        sets = [prediction_set(p, figures) for p in shares]
        catalogue = Catalogue.of(classes)
        levels = np.array(
            [
                decide(p, held, float(a), figures, catalogue).level
                for p, held, a in zip(shares, sets, alike, strict=True)
            ]
        )
        if figures.familiarity and ratio:  # a strange one loses its species name
            seen = zip(logits.max(1), ratio(features).max(1), strict=True)
            strange = [figures.familiarity.is_strange(float(z), float(r)) for z, r in seen]
            levels[(levels == "species") & strange] = "strange"
        return cls(shares, sets, levels)


def markdown(heading: list[str], rows: list[list[str]]) -> list[str]:
    """Lay out a table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


if __name__ == "__main__":
    main()
