"""What is each proposal of the class report worth? One row a recipe, on Oxford Flowers 102.

    python benchmarks/recipes/run.py --out FOLDER [--only NAME ...] [--seeds 0 1 2]

Needs FLORASCOPE_DATA with flowers-102/ and FLORASCOPE_WEIGHTS. Every row is the command that a user
would type, on the official split: 1,020 photos train, 1,020 select, 6,149 are measured once at the
end; where 19 photos a class train, the one left of each selects. Rows are appended to results.csv
beside this file; `table.py` turns them into results.md.

Fine-tuning sees photos of 160 x 160 for five epochs, so that a row takes minutes on two cores; at
288 px it takes half an hour. The rows `the head that learned` are older than the probe at its end;
`then a probe` adds that to the same run.
"""

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from florascope.data.dataset import Dataset
from florascope.data.oxford102 import oxford102
from florascope.files import write_text

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = ("row", "seed", "command", "train", "val", "test", "test_loss", "seconds")
SIZES = (1, 2, 5)
RATES = ("1e-4", "3e-4", "1e-3")
COMMON = ("train_size=160", "size=160", "epochs=5")
BARE = ("crop_area=1", "flip=no", "colour=0")
LARGER = ("size=288", "crop_pct=1")
LARGE = (
    *(*LARGER, "train_size=224", "epochs=24", "patience=24", "batch_size=16"),
    *("learning_rate=3e-4", "weight_decay=0.05", "crop_area=0.25", "colour=0.3", "cutmix=1"),
)
LONGER = ("mixed=0.75", "ema=0.999")  # epochs of its own a split: about an hour on two cores
FINER = ("size=384", "train_size=288")  # 1.3 times as many pixels a side: an hour of one core
Command = tuple[str, ...]


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--only", nargs="*", help="rows to measure")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    rows = dict(all_rows(options.out))
    for name in options.only or rows:
        for seed in options.seeds:
            append(measured(name, rows[name], seed, options.out))


def all_rows(out: Path) -> Iterator[tuple[str, Command]]:
    """Name every row and its arguments."""
    yield "frozen, as reported", recipe("seed", "google")
    yield "frozen, as reported, no augmentation", recipe("seed", "google", "augment=no")
    yield "probe", recipe("probe", "torchvision")
    yield "probe, 160 px", recipe("probe", "torchvision", "size=160")
    yield "probe, 8 augmented views", recipe("probe", "torchvision", "views=8")
    for stages, name in (("1", "last block"), ("3", "last three blocks"), ("8", "all")):
        yield name, tuned(f"unfreeze={stages}")
        yield f"{name}, no augmentation", tuned(f"unfreeze={stages}", *BARE)
    for rate in RATES:
        yield f"all, learning rate {rate}", tuned("unfreeze=8", f"learning_rate={rate}")
    for size in SIZES:
        split = out / f"{size}_a_class.csv"
        yield f"probe, {size} a class", on(split, recipe("probe", "torchvision"))
        yield f"all, {size} a class", on(split, tuned("unfreeze=8"))
    splits = (("", Path("official"), 40), (", 19 a class", out / "19_a_class.csv", 30))
    for few, split, epochs in splits:
        yield f"probe, 288 px{few}", on(split, recipe("probe", "torchvision", *LARGER))
        name = f"all, 288 px{few}"
        yield name, on(split, recipe("finetune", "torchvision", *LARGE))
        weights = out / f"{slug(name)}-0" / "bundle" / "model.safetensors"
        yield f"{name}, then a probe", on(split, recipe("probe", str(weights), *LARGER))
        yield f"{name}, soup of 4", on(split, recipe("finetune", "torchvision", *LARGE, "soup=4"))
        yield f"all, 384 px{few}", on(split, recipe("finetune", "torchvision", *LARGE, *FINER))
        fine = (*LARGE, "size=352", "train_size=288", "epochs=20", "patience=20")
        yield f"all, 352 px{few}", on(split, recipe("finetune", "torchvision", *fine))
        soup = str(out / f"{slug(name)}-soup-of-4-0" / "bundle" / "model.safetensors")
        again = (*LARGE, *FINER, "epochs=8", "patience=8", "learning_rate=1e-4")
        yield f"{name}, soup of 4, then 384 px", on(split, recipe("finetune", soup, *again))
        longer = (*LARGE, f"epochs={epochs}", f"patience={epochs}", *LONGER)
        yield f"{name}, {epochs} epochs", on(split, recipe("finetune", "torchvision", *longer))


def recipe(name: str, weights: str, *settings: str) -> Command:
    """Arguments of `florascope train oxford102` on the official split."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    return ("--recipe", name, "--weights", weights, *chosen, "--split", "official")


def on(split: Path, command: Command) -> Command:
    """The same command on another split."""
    return (*command[:-1], str(split))


def tuned(*settings: str) -> Command:
    """Arguments of a fine-tuning run."""
    return recipe("finetune", "torchvision", *COMMON, *settings)


def measured(name: str, arguments: Command, seed: int, out: Path) -> dict[str, str]:
    """Train once and return the row."""
    run = out / f"{slug(name)}-{seed}"
    split = Path(arguments[-1])
    if split.suffix:
        write_text(split, drawn(oxford102(), int(split.name.partition("_")[0])))
    asked = ("train", "oxford102", *arguments, "--seed", str(seed))
    command = (*asked, "--json", "--no-report", "--out", str(run))
    ended = subprocess.run(  # noqa: S603
        (sys.executable, "-m", "florascope", *command), check=True, stdout=subprocess.PIPE
    )
    found = json.loads(ended.stdout)
    shares = {subset: f"{found[subset]['top1']:.4f}" for subset in ("train", "val", "test")}
    shown = " ".join(Path(word).name for word in asked)
    loss = f"{found['test']['loss']:.4f}"
    row = {"row": name, "seed": str(seed), "command": f"florascope {shown}", **shares}
    return {**row, "test_loss": loss, "seconds": f"{found['seconds']:.0f}"}


def slug(name: str) -> str:
    """A row's name as part of a folder's."""
    return name.replace(" ", "-").replace(",", "")


def drawn(dataset: Dataset, size: int) -> str:
    """The official split with the first few photos of each class for training, as CSV.

    Beyond the split's own ten, photos that selected train, and only the others select.
    """
    split, labels = dataset.own_splits["official"], dataset.labels
    both = np.concatenate([split.train, split.val])
    train = np.concatenate([both[labels[both] == k][:size] for k in np.unique(labels)])
    parts = {"train": train, "val": np.setdiff1d(split.val, train), "test": split.test}
    lines = [f"{dataset.photos[i].name},{part}" for part, indexes in parts.items() for i in indexes]
    return "\n".join(["path,split", *lines]) + "\n"


def append(row: dict[str, str]) -> None:
    """Add a row to the table, and show it."""
    fresh = not RESULTS.is_file()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)
    print(row)


def columns(rows: Sequence[dict[str, str]], name: str) -> list[float]:
    """One column as numbers."""
    return [float(row[name]) for row in rows]


if __name__ == "__main__":
    main()
