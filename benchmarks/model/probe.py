"""How much penalty and ridge does the probe need? By photos that select alone.

    python benchmarks/model/probe.py [--write probe.md]

Frozen features of torchvision's MobileNetV2 at 224 px. The first table draws classes and photos out
of the 2,040 that train and select in Oxford 102's official split: some train, one to three a class
end the fit, the rest judge; also where three in ten labels of those that train and end it are drawn
at random. The second is the split of 80/10/10, judged by the photos that also end the fit; some of
them are among the official test photos, so it was asked for one thing alone, whether more photos
want less ridge. Needs FLORASCOPE_DATA with flowers-102/ and FLORASCOPE_WEIGHTS.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

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
PENALTIES = (1e-3, 1e-4, 1e-5, 1e-6)
RIDGES = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)


class Task(NamedTuple):
    """Attributes: classes, photos of each that train and that end the fit, wrong labels, draws."""

    classes: int
    train: int
    val: int
    wrong: float
    draws: int


TASKS = (
    *(Task(102, 1, 1, 0, 2), Task(102, 2, 1, 0, 2), Task(102, 5, 1, 0, 2), Task(102, 10, 1, 0, 3)),
    *(Task(102, 16, 1, 0, 3), Task(30, 10, 1, 0, 6), Task(10, 8, 1, 0, 8), Task(10, 16, 1, 0, 8)),
    *(Task(3, 12, 2, 0, 10), Task(102, 10, 2, 0.3, 2), Task(10, 14, 3, 0.3, 5)),
)


@dataclass(frozen=True)
class Parts:
    """Attributes: photos that train, that end the fit, and that judge."""

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
    parts = ("# The probe's penalty and ridge", few(dataset, features), many(dataset, features))
    if options.write:
        write_text(options.write, "\n\n".join(parts) + "\n")
    print("\n\n".join(parts))


def few(dataset: Dataset, features: Features) -> str:
    """Loss and top-1 by penalty, of few photos."""
    split = dataset.own_splits["official"]
    known = np.concatenate([split.train, split.val])
    rows = [["classes x photos that train", *(f"l2 {l2:g}" for l2 in PENALTIES)]]
    for task in TASKS:
        drawn = [draw(dataset, features, known, task, seed) for seed in range(task.draws)]
        cells = [mean([judged(parts, Probe(l2=l2)) for parts in drawn]) for l2 in PENALTIES]
        wrong = f", {task.wrong:.0%} of labels wrong" if task.wrong else ""
        rows.append([f"{task.classes} x {task.train}{wrong} ({task.draws} draws)", *cells])
    title = "Loss and top-1 in % of photos that neither trained nor ended the fit, mean over draws."
    return f"{title}\n\n{table(rows)}"


def many(dataset: Dataset, features: Features) -> str:
    """Loss and top-1 by ridge and penalty, of 80 % of all photos."""
    split = choose_split(dataset, "80-10-10", 0)
    train, val = (of(dataset, features, split[s], range(102)) for s in ("train", "val"))
    rows = [["ridge", *(f"l2 {l2:g}" for l2 in PENALTIES)]]
    for ridge in RIDGES:
        asked = ridge * train.photos / TRUSTED  # so that as much is left of it
        recipes = [Probe(l2=l2, ridge=asked) for l2 in PENALTIES]
        cells = [mean([judged(Parts(train, val, val), recipe)]) for recipe in recipes]
        rows.append([f"{ridge:g}", *cells])
    title = f"The same of the {val.photos} photos that end the fit, where {train.photos} train."
    return f"{title}\n\n{table(rows)}"


def draw(dataset: Dataset, features: Features, known: Indexes, task: Task, seed: int) -> Parts:
    """Draw classes, photos of each that train, end the fit and judge, and wrong labels."""
    random = np.random.default_rng(seed)
    classes = random.permutation(len(dataset.classes))[: task.classes].tolist()
    own = [random.permutation(known[dataset.labels[known] == k]) for k in classes]
    kept = task.train + task.val
    cuts = ((0, task.train), (task.train, kept), (kept, None))
    train, val, judge = (
        of(dataset, features, np.concatenate([photos[a:b] for photos in own]), classes)
        for a, b in cuts
    )
    return Parts(spoilt(train, task.wrong, random), spoilt(val, task.wrong, random), judge)


def spoilt(samples: Samples, share: float, random: np.random.Generator) -> Samples:
    """Draw a share of the labels anew."""
    n, K = len(samples.targets), samples.classes
    anew = torch.from_numpy(random.random(n) < share)
    labels = torch.where(anew, torch.from_numpy(random.integers(0, K, n)), samples.targets)
    return replace(samples, targets=labels)


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
