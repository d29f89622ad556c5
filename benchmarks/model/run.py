"""Candidates for a better model, trained piece by piece and chosen on validation photos alone.

    python benchmarks/model/run.py --split FILE.csv --out FOLDER [--only NAME ...] [--minutes 9]

Takes the first candidate that is not in results.csv, trains it for some minutes and stops; the next
call goes on where this one stopped, within the run or the soup that was cut. The last two want a
GPU, or half a day. Ends with 0 while something is left to do, with 3 after that:

    while python benchmarks/model/run.py --split FILE.csv --out FOLDER; do true; done

Needs FLORASCOPE_DATA with flowers-102/ and FLORASCOPE_WEIGHTS. No test photo is looked at: the
lists hold train and val photos only, and `test` is one validation photo of each class, because a
run measures three subsets. What is chosen is measured on the test photos by `robustness.py`.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from florascope.bundle.config import find_bundle
from florascope.data.dataset import Dataset, Split
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = ("candidate", "command", "train", "val", "val_loss", "seconds")
LEFT, DONE = 0, 3
SHORT = ("size=160", "crop_pct=1", "epochs=3", "patience=3", "batch_size=16")
SHIPPED = (
    *("size=256", "crop_pct=1", "train_size=192", "epochs=2", "patience=2", "batch_size=16"),
    *("learning_rate=1.5e-4", "layer_decay=0.9", "weight_decay=0.05", "ema=0.998"),
    *("crop_area=0.35", "colour=0.3", "cutmix=1", "mixed=0.25"),
)
LONG = (
    *("size=288", "crop_pct=1", "train_size=224", "epochs=24", "patience=24", "batch_size=16"),
    *("learning_rate=3e-4", "weight_decay=0.05", "crop_area=0.25", "colour=0.3", "cutmix=1"),
)


def candidates() -> dict[str, tuple[str, ...]]:
    """Arguments of `florascope train` by the candidate's name, the list of photos first."""
    shipped = str(find_bundle("flowers102-mobilenetv2") / "model.safetensors")
    return {
        "shipped, degrade": tuned("80-10-10", shipped, *SHIPPED, "degrade=0.5"),
        "official, 160 px": tuned("official", "torchvision", *SHORT),
        "official, 160 px, degrade": tuned("official", "torchvision", *SHORT, "degrade=0.5"),
        "official, 160 px, soup of 3": tuned("official", "torchvision", *SHORT, "soup=3"),
        "official, 288 px, soup of 3": tuned("official", "torchvision", *LONG, "soup=3"),
        "shipped, soup of 3": tuned("80-10-10", shipped, *SHIPPED, "soup=3"),
    }


def tuned(photos: str, weights: str, *settings: str) -> tuple[str, ...]:
    """Arguments of a fine-tuning run."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    return (photos, "--recipe", "finetune", "--weights", weights, *chosen)


def main() -> None:
    """Go on with the first candidate that is not finished."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", required=True, help="CSV of the 80/10/10 split")
    parser.add_argument("--out", type=Path, required=True, help="folder for lists and runs")
    parser.add_argument("--only", nargs="*", help="candidates")
    parser.add_argument("--minutes", type=float, default=9.0, help="of a piece")
    options = parser.parse_args()
    known = candidates()
    left = [name for name in options.only or known if name not in finished()]
    if not left:
        raise SystemExit(DONE)
    name = left[0]
    photos, *arguments = known[name]
    table = listed(photos, options.out, options.split)
    row = piece(name, (str(table), *arguments), options.out / slug(name), 60 * options.minutes)
    if row:
        append(row)


def finished() -> set[str]:
    """Names of the candidates that have a row."""
    if not RESULTS.is_file():
        return set()
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return {row["candidate"] for row in csv.DictReader(file)}


def piece(name: str, arguments: Sequence[str], out: Path, seconds: float) -> dict[str, str] | None:
    """Train for some seconds; return the row once the run has ended."""
    asked = ("train", *arguments)
    command = (sys.executable, "-m", "florascope", *asked, "--json", "--no-report")
    try:
        ended = subprocess.run(  # noqa: S603
            (*command, "--out", str(out)), check=True, stdout=subprocess.PIPE, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return None
    found = json.loads(ended.stdout)
    shown = " ".join(Path(word).name for word in asked)
    return {
        "candidate": name,
        "command": f"florascope {shown}",
        **{subset: f"{found[subset]['top1']:.4f}" for subset in ("train", "val")},
        "val_loss": f"{found['val']['loss']:.4f}",
        "seconds": f"{found['seconds']:.0f}",
    }


def slug(name: str) -> str:
    """A candidate's name as a folder's."""
    return name.replace(" ", "-").replace(",", "")


def listed(photos: str, out: Path, split_file: str) -> Path:
    """Write the list of a split's photos without its test photos, and return where."""
    path = out / f"{photos}.csv"
    if not path.is_file():
        out.mkdir(parents=True, exist_ok=True)
        dataset = oxford102()
        split = choose_split(dataset, split_file if photos == "80-10-10" else photos, 0)
        write(path, dataset, split)
    return path


def write(path: Path, dataset: Dataset, split: Split) -> None:
    """Write path,label,split; the first validation photo of each class is called test."""
    firsts = set(split.val[np.unique(dataset.labels[split.val], return_index=True)[1]].tolist())
    parts = [("train", i) for i in split.train.tolist()]
    parts += [("test" if i in firsts else "val", i) for i in split.val.tolist()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "split"))
        for part, i in parts:
            label = dataset.classes[dataset.labels[i]].id
            writer.writerow((dataset.photos[i].path, label, part))  # type: ignore[attr-defined]


def append(row: dict[str, str]) -> None:
    """Add a row to the table, and show it."""
    fresh = not RESULTS.is_file()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
    print(row)


if __name__ == "__main__":
    main()
