"""Does a backbone that knows flowers help another flower task of few photos?

    python benchmarks/few_photos/run.py DIR [--weights torchvision flowers102-mobilenetv2]

DIR holds Oxford-17 photos named image_NNNN.jpg, 80 a class in order (so that the number gives the
class). For each backbone, 1, 2 and 5 photos a class train a linear head on frozen features and all
others are measured, over 50 draws that are the same for every backbone. There is nothing to select
on, so the penalty is one fixed number for all. Writes results.md beside this file.

Many of the 17 kinds are also among the 102 that the flower backbone was trained on, though not
these photos: the table says what that start is worth for such a task, not for unknown plants.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64

from florascope.data.dataset import FilePhoto
from florascope.data.names import natural_key
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.files import write_text
from florascope.nets.classifier import Samples
from florascope.nets.weights import load_backbone
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

SHOTS = (1, 2, 5)
DRAWS = 50
A_CLASS = 80  # photos of each kind in the whole of Oxford-17
PENALTY = 1e-3
HEAD = (
    "# A flower backbone for another flower task",
    "",
    "Test top-1 in % on Oxford-17 with few training photos a class, mean over {draws} draws"
    " (standard deviation). Made by `run.py` from {photos} photos of {classes} classes.",
    "",
    "| backbone | " + " | ".join(f"{shots} a class" for shots in SHOTS) + " |",
    "|---" * (1 + len(SHOTS)) + "|",
)


def main() -> None:
    """Measure every backbone and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", nargs="+", default=["torchvision", "flowers102-mobilenetv2"])
    options = parser.parse_args()
    paths = sorted(options.folder.glob("image_*.jpg"), key=lambda path: natural_key(path.name))
    numbers = np.array([int(path.stem.removeprefix("image_")) for path in paths])
    labels = kept_labels((numbers - 1) // A_CLASS)
    chosen = labels >= 0
    photos = [FilePhoto(path) for path, keep in zip(paths, chosen, strict=True) if keep]
    rows = []
    for weights in options.weights:
        engine = Engine(load_backbone("mobilenetv2_100", weights))
        features = np.array(embed(photos, engine).values[0])
        cells = [cell(accuracies(features, labels[chosen], shots)) for shots in SHOTS]
        rows.append(f"| {Path(weights).name} | {' | '.join(cells)} |")
    facts = {"draws": DRAWS, "photos": len(photos), "classes": labels.max() + 1}
    text = "\n".join([*(line.format(**facts) for line in HEAD), *rows]) + "\n"
    write_text(Path(__file__).with_name("results.md"), text)
    print(text)


def kept_labels(kinds: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Number the kinds that have a photo to spare for the test; -1 for the others."""
    found, counts = np.unique(kinds, return_counts=True)
    large = found[counts > max(SHOTS)]
    return np.where(np.isin(kinds, large), np.searchsorted(large, kinds), -1)


def accuracies(
    features: Float32[np.ndarray, "n c"], labels: Int64[np.ndarray, "n"], shots: int
) -> list[float]:
    """Test top-1 of each draw."""
    return [accuracy(features, labels, shots, seed) for seed in range(DRAWS)]


def accuracy(
    features: Float32[np.ndarray, "n c"], labels: Int64[np.ndarray, "n"], shots: int, seed: int
) -> float:
    """Train on a few photos of each class, measure on the others."""
    draw = np.random.default_rng(seed)
    picked = [draw.permutation(np.flatnonzero(labels == k))[:shots] for k in np.unique(labels)]
    train = np.concatenate(picked)
    rest = np.setdiff1d(np.arange(len(labels)), train)
    known = samples(features, labels, train)
    recipe = Probe(l2=PENALTY, max_iterations=25, patience=25)
    head = fit_probe(known, known, recipe)
    return float((head.logits(features[rest]).argmax(1) == labels[rest]).mean())


def samples(
    features: Float32[np.ndarray, "n c"],
    labels: Int64[np.ndarray, "n"],
    indexes: Int64[np.ndarray, "m"],
) -> Samples:
    """Pick photos."""
    known = torch.from_numpy(features[indexes]), torch.from_numpy(labels[indexes])
    return Samples(*known, int(labels.max()) + 1)


def cell(values: list[float]) -> str:
    """Write the mean and the standard deviation, in %."""
    return f"{100 * np.mean(values):.1f} ({100 * np.std(values):.1f})"


if __name__ == "__main__":
    main()
