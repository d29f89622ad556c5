"""Lay out the photos that the other scripts are run on.

python photos.py table FILE.csv --split SPLIT.csv [--limit N]    Oxford 102 as path,label,split
python photos.py tree FOLDER --photos N                          class folders of N links
"""

import argparse
import csv
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from florascope.data.dataset import Dataset
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("table", "tree"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="official")
    parser.add_argument("--limit", type=int, help="photos in all")
    parser.add_argument("--photos", type=int, default=1000, help="links in all")
    options = parser.parse_args()
    dataset = oxford102()
    if options.what == "table":
        table(dataset, options.out, options.split, options.limit)
    else:
        tree(dataset, options.out, options.photos)


def table(dataset: Dataset, out: Path, split: str, limit: int | None) -> None:
    """Write path,label,split; a limit keeps whole classes, so that all can be told apart."""
    rows = [
        (str(dataset.photos[i].path), dataset.classes[dataset.labels[i]].id, subset)  # type: ignore[attr-defined]
        for subset, part in choose_split(dataset, split, 0).items()
        for i in part.tolist()
    ]
    rows.sort(key=lambda row: int(row[1]))
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "split"))
        writer.writerows(rows[:limit])


def tree(dataset: Dataset, out: Path, photos: int) -> None:
    """Link the photos again and again, in the folders of their classes."""
    every = cycle(zip(dataset.photos, dataset.labels.tolist(), strict=True))
    for c in np.unique(dataset.labels):
        (out / dataset.classes[c].id).mkdir(parents=True)
    for number, (photo, label) in enumerate(islice(every, photos)):
        link = out / dataset.classes[label].id / f"{number:06d}.jpg"
        link.symlink_to(photo.path)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
