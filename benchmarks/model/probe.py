"""How far does the probe walk, and how much ridge does it need? By photos that select alone.

    python benchmarks/model/probe.py [--write probe.md]

Frozen features of torchvision's MobileNetV2 at 224 px. The first table draws classes and photos out
of the 2,040 that train and select in Oxford 102's official split: some train, one or two a class
choose the penalty, the rest judge. The second is the split of 80/10/10, judged by the photos that
also choose the penalty; some of them are among the official test photos, so it was asked for one
thing alone, whether more photos want less ridge. Needs FLORASCOPE_DATA with flowers-102/ and
FLORASCOPE_WEIGHTS.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from florascope.data.dataset import Dataset, Indexes
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.features.embedding import embed
from florascope.features.engines import Engine, choose_runtime
from florascope.files import write_text
from florascope.nets.classifier import Samples, score
from florascope.training.experiment import backbone_of
from florascope.training.probe import TRUSTED, fit_probe
from florascope.training.recipes import Probe

Features = Float32[np.ndarray, "n c"]
# classes, photos of each that train, photos of each that choose, draws
TASKS = (
    *((102, 1, 1, 2), (102, 2, 1, 2), (102, 5, 1, 2), (102, 10, 1, 3), (102, 16, 1, 3)),
    *((30, 10, 1, 6), (10, 8, 1, 8), (10, 16, 1, 8), (3, 12, 2, 10)),
)
ITERATIONS = (5, 7, 10, 20)
RIDGES = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Parts:
    """Attributes: photos that train, that choose the penalty, and that judge."""

    train: Samples
    val: Samples
    judge: Samples


def main() -> None:
    """Print both tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, help="file of the tables")
    options = parser.parse_args()
    dataset, recipe = oxford102(), Probe(weights="torchvision")
    engine = Engine(backbone_of(recipe), choose_runtime())
    features = embed(dataset.photos, engine).values[0]
    tables = "\n\n".join(
        ("# The probe's iterations and ridge", few(dataset, features), many(dataset, features))
    )
    if options.write:
        write_text(options.write, tables + "\n")
    print(tables)


def few(dataset: Dataset, features: Features) -> str:
    """Loss and top-1 by iterations, of few photos."""
    split = dataset.own_splits["official"]
    known = np.concatenate([split.train, split.val])
    heads = [f"{count} iterations" for count in ITERATIONS]
    rows = [["classes x photos that train", *heads]]
    for K, n, chosen, draws in TASKS:
        drawn = [draw(dataset, features, known, (K, n, chosen), seed) for seed in range(draws)]
        cells = [
            mean([judged(parts, Probe(max_iterations=i)) for parts in drawn]) for i in ITERATIONS
        ]
        rows.append([f"{K} x {n} ({draws} draws)", *cells])
    title = (
        "Loss and top-1 in % of photos that neither trained nor chose, mean over draws; ridge 2."
    )
    return f"{title}\n\n{table(rows)}"


def many(dataset: Dataset, features: Features) -> str:
    """Loss and top-1 by ridge and iterations, of 80 % of all photos."""
    split = choose_split(dataset, "80-10-10", 0)
    train, val = (of(dataset, features, split[s], range(102)) for s in ("train", "val"))
    rows = [["ridge", *(f"{count} iterations" for count in ITERATIONS)]]
    for ridge in RIDGES:
        asked = ridge * len(train.targets) / TRUSTED  # so that as much is left of it
        recipes = [Probe(max_iterations=i, ridge=asked) for i in ITERATIONS]
        cells = [mean([judged(Parts(train, val, val), recipe)]) for recipe in recipes]
        rows.append([f"{ridge:g}", *cells])
    title = (
        f"The same of the {len(val.targets)} photos that choose, where {len(train.targets)} train."
    )
    return f"{title}\n\n{table(rows)}"


def draw(
    dataset: Dataset, features: Features, known: Indexes, sizes: tuple[int, int, int], seed: int
) -> Parts:
    """Draw classes, and photos of each that train, choose and judge."""
    K, n, chosen = sizes
    random = np.random.default_rng(seed)
    classes = random.permutation(len(dataset.classes))[:K].tolist()
    own = [random.permutation(known[dataset.labels[known] == k]) for k in classes]
    cuts = ((0, n), (n, n + chosen), (n + chosen, None))
    parts = (np.concatenate([photos[a:b] for photos in own]) for a, b in cuts)
    return Parts(*(of(dataset, features, at, classes) for at in parts))


def of(dataset: Dataset, features: Features, at: Indexes, classes: Sequence[int]) -> Samples:
    """Some photos' features, with their places among the classes."""
    place = {k: i for i, k in enumerate(classes)}
    targets = torch.tensor([place[int(k)] for k in dataset.labels[at]])
    return Samples(torch.from_numpy(features[at]), targets, len(place))


def judged(parts: Parts, recipe: Probe) -> tuple[float, float]:
    """Loss and top-1 of the photos that judge."""
    head = fit_probe(parts.train, parts.val, recipe)
    return score(head(parts.judge.features), parts.judge.targets)


def mean(figures: Sequence[tuple[float, float]]) -> str:
    """Write mean loss and top-1."""
    loss, top1 = np.mean(figures, axis=0)
    return f"{loss:.4f}, {100 * top1:.2f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as Markdown, the first as their heads."""
    lines: Iterator[str] = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([next(lines), "|" + "---|" * len(rows[0]), *lines])


if __name__ == "__main__":
    main()
