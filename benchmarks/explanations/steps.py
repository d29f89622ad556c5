"""In how few steps a deletion figure is read off: schedules against curves of every single tile.

    python benchmarks/explanations/steps.py

Validation photos of Oxford 102 are taken apart tile by tile, in the order of the shipped model's
sharp map and in random orders. Every schedule of fewer steps reads its points off these curves, so
all are judged on the same passes: `bias` and `rms` are of the area by the trapezoid rule against
the whole curve's, over photos; `spread` is the deviation among whole areas of random orders
of one photo, which no number of steps mends. Writes results/steps.csv beside this file, or
to --out. Needs FLORASCOPE_DATA with flowers-102.
"""

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scenes import Material

from florascope.audit.card import POWER, RANDOM_STEPS, STEPS
from florascope.audit.faithfulness import Curves, Perturbation, auc, faithfulness
from florascope.bundle.config import find_bundle
from florascope.explanation.inference import FastClassifier
from florascope.explanation.sharp import Sharp
from florascope.files import write_text
from florascope.nets.saving import load_classifier

PHOTOS = 12
SCHEDULES = [(steps, power) for steps in (4, 5, 6, 7, 8, 10) for power in (1.0, 1.5, 2.0)]


def curves(bundle: str) -> dict[str, np.ndarray]:
    """Probability after each tile, (photos, tiles + 1), by the map and in two random orders.

    To insert in an order is to delete in the reverse one, backwards: one pass serves both.
    """
    classifier = load_classifier(find_bundle(bundle))
    photos = Material.of(classifier, 2 * PHOTOS)
    images = torch.from_numpy(classifier.preprocessing.normalise(photos.crops[:PHOTOS]))
    targets = torch.from_numpy(photos.labels[:PHOTOS])
    network = FastClassifier(classifier)
    chance = torch.rand((PHOTOS, *images.shape[2:]), generator=torch.Generator().manual_seed(0))
    how = Perturbation.of(images.shape[2])
    whole = replace(how, steps=(-(-images.shape[2] // how.tile)) ** 2)

    def taken_apart(order: torch.Tensor) -> Curves:
        return faithfulness(network, images, targets, order, whole).probability

    random = taken_apart(chance)
    return {
        "map": taken_apart(Sharp()(classifier, images, targets).values).deletion,
        "random": random.deletion,
        "its reverse": random.insertion[:, ::-1],
    }


def area(curve: np.ndarray, steps: int, power: float) -> np.ndarray:
    """Area under each curve by a schedule's points."""
    last = curve.shape[1] - 1
    cuts = np.array([round(last * (step / steps) ** power) for step in range(steps + 1)])
    return auc(cuts / last, curve[:, cuts])


def rows(found: dict[str, np.ndarray]) -> Iterator[list[object]]:
    """Every schedule, for the map and for chance."""
    yield ["order", "steps", "power", "bias", "rms", "spread", "in use"]
    random = np.stack([curve for name, curve in found.items() if name != "map"])
    whole = np.stack([area(curve, curve.shape[1] - 1, 1) for curve in random])
    spread = float(whole.std(0, ddof=1).mean())
    kinds = {"map": (found["map"], ""), "random": (random.reshape(-1, random.shape[2]), spread)}
    used = {"map": (STEPS, POWER), "random": (RANDOM_STEPS, 1.0)}
    for order, (curve, apart) in kinds.items():
        truth = area(curve, curve.shape[1] - 1, 1)
        for steps, power in SCHEDULES:
            gap = area(curve, steps, power) - truth
            shown = [f"{x:.4f}" if x != "" else "" for x in (gap.mean(), rms(gap), apart)]
            yield [order, steps, power, *shown, "yes" * (used[order] == (steps, power))]


def rms(gap: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.square(gap).mean()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="flowers102-mobilenetv2")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    table = io.StringIO()
    for row in rows(curves(options.bundle)):
        csv.writer(table, lineterminator="\n").writerow(row)
        print(*row, sep="  ", flush=True)
    write_text(options.out / "steps.csv", table.getvalue())


if __name__ == "__main__":
    main()
