"""How many levels do the embedded features need? Measured on validation photos alone.

    python benchmarks/embedded_features/compare.py --split FILE.csv

For each number of levels, and for the features as they are ("exact"), both heads of
`training.class_report` are fitted on the training photos and measured on the validation photos
of the CSV split and of the official one. Writes results.csv beside this file: size in the package,
validation top-1 and loss. Needs what `make.py` needs.
"""

import argparse
import csv
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from make import features, with_csv_split

from florascope.data.dataset import Dataset
from florascope.data.oxford102 import oxford102
from florascope.data.oxford102_features import CSV_SPLIT, QuantisedFeatures
from florascope.files import write_text
from florascope.training.class_report import class_report_recipes
from florascope.training.heads import fit_frozen
from florascope.training.recipes import Recipe

LEVELS = (8, 16, 24, 32)
SPLITS = (CSV_SPLIT, "official")
Row = dict[str, str | int | float]


def main() -> None:
    """Measure every number of levels and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", type=Path, required=True, help="CSV of the 80/10/10 split")
    dataset = with_csv_split(oxford102(), parser.parse_args().split)
    found = [row for recipe in class_report_recipes() for row in rows(dataset, recipe)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write_text(Path(__file__).with_name("results.csv"), text.getvalue())
    print(text.getvalue())


def rows(dataset: Dataset, recipe: Recipe) -> Iterator[Row]:
    """Yield the figures of a recipe, the exact features first."""
    exact = features(dataset, recipe)
    for levels in (None, *LEVELS):
        stored = None if levels is None else QuantisedFeatures.of(exact, levels)
        values = exact if stored is None else stored.expand()
        packed = values.tobytes() if stored is None else stored.codes.tobytes()
        megabytes = round(len(zlib.compress(packed, 6)) / 1e6, 2)
        for split in SPLITS:
            fit = fit_frozen(dataset, values, dataset.own_splits[split], recipe)
            val = fit.metrics["val"]
            figures = {"val_top1": round(val.top1, 4), "val_loss": round(val.loss, 4)}
            setting = {"recipe": recipe.name, "weights": str(recipe.weights), "split": split}
            yield {**setting, "levels": levels or "exact", "megabytes": megabytes, **figures}


if __name__ == "__main__":
    main()
