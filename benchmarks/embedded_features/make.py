"""Make the package's features of Oxford Flowers 102, from its photos and ImageNet weights.

    python benchmarks/embedded_features/make.py --split FILE.csv [--out FILE.npz]

Needs FLORASCOPE_DATA with flowers-102/, FLORASCOPE_WEIGHTS with Google's and torchvision's
MobileNetV2, and the CSV file of the 6,552 / 818 / 819 split. The same photos, weights and versions
of ONNX Runtime and zlib give the same bytes; `compare.py` says why there are 16 levels.
"""

import argparse
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from florascope.data.dataset import Dataset, Split
from florascope.data.oxford102 import oxford102
from florascope.data.oxford102_features import CSV_SPLIT, FILE, QuantisedFeatures, write_features
from florascope.data.splits import split_from_csv
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.nets.backbone import Backbone
from florascope.nets.weights import NAMED, load_backbone, weights_dir, with_preprocessing
from florascope.training.class_report import class_report_recipes
from florascope.training.recipes import Recipe

LEVELS = 16
PACKAGE = Path(__file__).parents[2] / "src" / "florascope" / "data"


def main() -> None:
    """Embed the photos with both weights and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", type=Path, required=True, help="CSV of the 80/10/10 split")
    parser.add_argument("--out", type=Path, default=PACKAGE / FILE)
    options = parser.parse_args()
    dataset = with_csv_split(oxford102(), options.split)
    stored = {
        str(r.weights): QuantisedFeatures.of(features(dataset, r), LEVELS)
        for r in class_report_recipes()
    }
    about = {str(recipe.weights): provenance(recipe) for recipe in class_report_recipes()}
    write_features(options.out, dataset, stored, about)
    print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.2f} MB")


def with_csv_split(dataset: Dataset, path: Path) -> Dataset:
    """Add the CSV file's split to the data set's own."""
    read = split_from_csv(path, dataset)
    split = Split(CSV_SPLIT, read.train, read.val, read.test)
    return replace(dataset, own_splits={**dataset.own_splits, CSV_SPLIT: split})


def backbone(recipe: Recipe) -> Backbone:
    """Load the recipe's frozen network with the recipe's input."""
    loaded = load_backbone(recipe.backbone, recipe.weights)
    return with_preprocessing(loaded, **recipe.preprocessing)


def features(dataset: Dataset, recipe: Recipe) -> Float32[np.ndarray, "n c"]:
    """Embed every photo as the recipe would."""
    bank = embed(dataset.photos, Engine(backbone(recipe)))
    if bank.problems:
        raise SystemExit(f"unreadable photos: {bank.problems}")
    return np.array(bank.values[0])


def provenance(recipe: Recipe) -> dict[str, Any]:
    """Say which weights and which input made the features."""
    file = (weights_dir() or Path()) / NAMED[str(recipe.weights)].file
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"sha256": digest, "preprocessing": backbone(recipe).preprocessing.to_json()}


if __name__ == "__main__":
    main()
