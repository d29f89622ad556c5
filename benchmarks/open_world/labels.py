"""Accuracy by labels, chosen by `florascope suggest` and otherwise, on Oxford 102.

    python benchmarks/open_world/labels.py                  # all species
    python benchmarks/open_world/labels.py --species half   # 51 that no choice was made on
    python benchmarks/open_world/labels.py --select         # the other 51, other seeds: the floor

Every way begins with one random photo of each species and then chooses among the training photos,
as many a round as the budgets below say, knowing the labels of those chosen before; a closed-form
probe on the package's features answers the test photos. Mean and standard deviation over seeds.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from florascope.api.suggesting import LEAST, worth_labelling
from florascope.calibration.similarity import Features
from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.files import write_json, write_text
from florascope.health.quick_probe import Discriminant
from florascope.metrics import Labels, softmax
from florascope.shapes import Float, Int64

CLASSES = 102
SEEDS, SELECTING = range(3), range(100, 103)
FLOORS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
BUDGETS = (1, 2, 3, 4, 5, 7, 10, 15, 20)  # labels a class on average
TEMPERATURE = 8.0  # of the probe's scores

Indexes = Int64[np.ndarray, "_"]


class Pool(NamedTuple):
    """Photos without labels, as a way to choose sees them."""

    features: Features
    shares: Float[np.ndarray, "n k"]
    labelled: Features
    rng: np.random.Generator


def _random(pool: Pool, count: int) -> Indexes:
    return pool.rng.permutation(len(pool.features))[:count]


def _margin(pool: Pool, count: int) -> Indexes:
    ordered = np.sort(pool.shares, axis=1)
    return np.argsort(ordered[:, -1] - ordered[:, -2])[:count]


def _entropy(pool: Pool, count: int) -> Indexes:
    entropy = -(pool.shares * np.log(pool.shares + 1e-12)).sum(1)
    return np.argsort(-entropy)[:count]


def _coverage(pool: Pool, count: int) -> Indexes:
    return worth_labelling(pool.features, np.ones(len(pool.features)), pool.labelled, count)


def _suggested(pool: Pool, count: int, floor: float = LEAST) -> Indexes:
    doubts = floor + (1 - floor) * (1 - pool.shares.max(1))
    given = (doubts - LEAST) / (1 - LEAST)  # of which `worth_labelling` makes these
    return worth_labelling(pool.features, given, pool.labelled, count)


Way = Callable[[Pool, int], Indexes]
WAYS: dict[str, Way] = {
    "random": _random,
    "margin": _margin,
    "entropy": _entropy,
    "coverage alone": _coverage,
    "florascope suggest": _suggested,
}


FLOORED: dict[str, Way] = {f"floor {f:g}": partial(_suggested, floor=f) for f in FLOORS}


class Photos(NamedTuple):
    """Of some species, counted from 0: those to choose from, and those to answer."""

    classes: int
    train: Features
    labels: Labels
    test: Features
    truth: Labels


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--species", choices=("all", "half"), default="all")
    parser.add_argument("--select", action="store_true", help="compare floors instead of ways")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    order = np.random.default_rng(CLASSES).permutation(CLASSES)
    selecting, others = np.sort(order[: CLASSES // 2]), np.sort(order[CLASSES // 2 :])
    halved = others if options.species == "half" else np.arange(CLASSES)
    photos = _photos(selecting if options.select else halved)
    ways, seeds = (FLOORED, SELECTING) if options.select else (WAYS, SEEDS)
    found = {name: [_curve(photos, way, seed) for seed in seeds] for name, way in ways.items()}
    halves = "-half" if options.species == "half" else ""
    file = options.out / ("labels-selecting.json" if options.select else f"labels{halves}.json")
    write_json(file, {"budgets": BUDGETS, "top1": found})
    text = _page(found, photos.classes, len(seeds))
    write_text(file.with_suffix(".md"), text)
    print(text)


def _photos(species: Indexes) -> Photos:
    embedded = embedded_oxford102()
    split, labels = embedded.dataset.own_splits[CSV_SPLIT], embedded.dataset.labels
    features = embedded.features("torchvision")
    train, test = (part[np.isin(labels[part], species)] for part in (split.train, split.test))
    numbers = np.searchsorted(species, labels)
    return Photos(len(species), features[train], numbers[train], features[test], numbers[test])


def _curve(photos: Photos, way: Way, seed: int) -> list[float]:
    """Return the test top-1 at each budget."""
    rng = np.random.default_rng(seed)
    chosen, found = _first(photos, rng), []
    for before, budget in zip((1, *BUDGETS), BUDGETS, strict=False):
        if budget > 1:
            chosen = _more(photos, chosen, way, (budget - before) * photos.classes, rng)
        probe = Discriminant.fit(photos.train[chosen], photos.labels[chosen], photos.classes)
        found.append(float((probe(photos.test).argmax(1) == photos.truth).mean()))
    return found


def _first(photos: Photos, rng: np.random.Generator) -> Indexes:
    return np.array([rng.choice(np.flatnonzero(photos.labels == k)) for k in range(photos.classes)])


def _more(
    photos: Photos, chosen: Indexes, way: Way, count: int, rng: np.random.Generator
) -> Indexes:
    rest = np.setdiff1d(np.arange(len(photos.labels)), chosen)
    probe = Discriminant.fit(photos.train[chosen], photos.labels[chosen], photos.classes)
    shares = softmax(probe(photos.train[rest]) / TEMPERATURE)
    pool = Pool(photos.train[rest], shares, photos.train[chosen], rng)
    return np.concatenate([chosen, rest[way(pool, count)]])


def _page(found: dict[str, list[list[float]]], classes: int, seeds: int) -> str:
    lines = [
        f"# Accuracy by labels a class, {classes} species of Oxford 102",
        "",
        f"Test top-1 in %, mean and standard deviation over {seeds} seeds.",
        "",
        "| chosen by | " + " | ".join(map(str, BUDGETS)) + " |",
        "|---" * (len(BUDGETS) + 1) + "|",
    ]
    for name, rows in found.items():
        table = 100 * np.array(rows)
        cells = zip(table.mean(0).tolist(), table.std(0, ddof=1).tolist(), strict=True)
        lines.append(f"| {name} | " + " | ".join(f"{m:.1f} ± {s:.1f}" for m, s in cells) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
