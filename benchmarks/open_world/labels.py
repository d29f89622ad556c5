"""Accuracy by labels, chosen by `florascope suggest` and otherwise, on Oxford 102.

    python benchmarks/open_world/labels.py

Every way begins with one random photo of each species and then chooses 102 photos a round of the
6,552 training photos, knowing the labels of those chosen before; a closed-form probe on the
package's features answers the 819 test photos. Mean and standard deviation over seeds.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from florascope.calibration.similarity import Features
from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.files import write_json, write_text
from florascope.health.labelling import worth_labelling
from florascope.health.quick_probe import Discriminant
from florascope.metrics import Labels, softmax
from florascope.shapes import Float, Int64

CLASSES, SEEDS = 102, 3
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


def _suggested(pool: Pool, count: int) -> Indexes:
    return worth_labelling(pool.features, 1 - pool.shares.max(1), pool.labelled, count)


WAYS: dict[str, Callable[[Pool, int], Indexes]] = {
    "random": _random,
    "margin": _margin,
    "entropy": _entropy,
    "coverage alone": _coverage,
    "florascope suggest": _suggested,
}


def main() -> None:
    """Measure and write the table."""
    embedded = embedded_oxford102()
    split, labels = embedded.dataset.own_splits[CSV_SPLIT], embedded.dataset.labels
    features = embedded.features("torchvision")
    train, test = split.train, split.test
    found: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for seed in range(SEEDS):
        for name in WAYS:
            rng = np.random.default_rng(seed)
            chosen = _first(labels[train], rng)
            found[name].append([])
            for before, budget in zip((1, *BUDGETS), BUDGETS, strict=False):
                if budget > 1:
                    count = (budget - before) * CLASSES
                    chosen = _more(features[train], labels[train], chosen, name, count, rng)
                probe = Discriminant.fit(features[train][chosen], labels[train][chosen], CLASSES)
                right = probe(features[test]).argmax(1) == labels[test]
                found[name][-1].append(float(right.mean()))
            print(seed, name, np.round(found[name][-1], 3), flush=True)
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "results"
    home.mkdir(parents=True, exist_ok=True)
    write_json(home / "labels.json", {"budgets": BUDGETS, "top1": found})
    write_text(home / "labels.md", _page(found))


def _first(labels: Labels, rng: np.random.Generator) -> Indexes:
    return np.array([rng.choice(np.flatnonzero(labels == k)) for k in range(CLASSES)])


def _more(
    features: Features,
    labels: Labels,
    chosen: Indexes,
    name: str,
    count: int,
    rng: np.random.Generator,
) -> Indexes:
    rest = np.setdiff1d(np.arange(len(labels)), chosen)
    probe = Discriminant.fit(features[chosen], labels[chosen], CLASSES)
    shares = softmax(probe(features[rest]) / TEMPERATURE)
    pool = Pool(features[rest], shares, features[chosen], rng)
    return np.concatenate([chosen, rest[WAYS[name](pool, count)]])


def _page(found: dict[str, list[list[float]]]) -> str:
    lines = [
        "# Accuracy by labels a class, Oxford 102",
        "",
        f"Test top-1 in %, mean and standard deviation over {SEEDS} seeds.",
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
