"""What a bundle's record says of the exam's photos (`exam.py`): which of them took part.

    python benchmarks/leak/exam.py make --out EXAM/HALF --half open|new|kept
    python benchmarks/leak/answers.py --work WORK EXAM/HALF...
    python benchmarks/leak/exam.py score EXAM/HALF --found EXAM/HALF/found.csv

Trains the default probe on the 2,040 photos of Oxford 102's official train and val parts, once,
into WORK, and writes found.csv into each half. Needs FLORASCOPE_DATA with flowers-102/.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import florascope as fs
from florascope.data.dataset import FilePhoto, Photo
from florascope.data.oxford102 import oxford102
from florascope.evaluation.held_out import NEW, Origin
from florascope.source import load


def main() -> None:
    """Answer for every half asked about."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder of the run")
    parser.add_argument("halves", type=Path, nargs="+")
    options = parser.parse_args()
    origin = Origin.read(trained(options.work) / "bundle")
    for half in options.halves:
        dataset = load(half / "photos")
        roles = origin.roles(dataset)
        assert roles is not None  # a run has a record
        known = np.flatnonzero(roles != NEW).tolist()
        rows = [place(dataset.photos[i]).relative_to(half / "photos").as_posix() for i in known]
        with (half / "found.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([["file"], *([row] for row in rows)])
        print(f"{half.name}: {len(known)} of {len(dataset)} photos took part, by the record")


def place(photo: Photo) -> Path:
    """Where a photo lies; those of both data sets are files."""
    assert isinstance(photo, FilePhoto)
    return photo.path


def trained(work: Path) -> Path:
    """Train on train and val of the official split, unless that has been done."""
    run = work / "run"
    if run.is_dir():
        return run
    dataset = oxford102()
    official = dataset.own_splits["official"]
    indexes = np.concatenate([official.train, official.val])
    rows = [(place(dataset.photos[i]), int(dataset.labels[i])) for i in indexes.tolist()]
    work.mkdir(parents=True, exist_ok=True)
    with (work / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "label"), *rows])
    fs.train(work / "photos.csv", keypoints=True).save(run)
    return run


if __name__ == "__main__":
    main()
