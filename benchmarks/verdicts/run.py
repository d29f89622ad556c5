"""Do the verdicts keep their promises? Makes the committed table for a bundle.

    python benchmarks/verdicts/run.py runs/flowers/bundle
    python benchmarks/verdicts/run.py runs/flowers/bundle --others FOLDER

Every answer comes from the light runtime, as `florascope identify` gives it.

- Known flowers: the test photos of --split.
- Unknown species: Oxford-17's that are none of the 102, and ten held out of a frozen probe.
- Not flowers: backgrounds cut out of Oxford-17's masked photos, drawn textures, and the photos in
  --others. Those of the committed table are Tux Paint's stamps: cut-out photos on white (Debian's
  tuxpaint-stamps-default, unpacked with dpkg -x; folders animals, clothes, food, hobbies,
  household, sports, town and vehicles without what is called cartoon), and the same in front of
  the backgrounds, so that the white does not give them away. They are not in the project.

Needs FLORASCOPE_DATA with flowers-102 and oxford-17-masks, and FLORASCOPE_WEIGHTS. Writes
results/verdicts.{md,json} beside this file, or to --out.
"""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from heldout import held_out
from strangers import backgrounds, before, folder, textures, unknown_species
from tables import page

from florascope.calibration.conformal import Probabilities, class_coverage
from florascope.calibration.fitting import calibration_error
from florascope.data.dataset import Dataset, Indexes, Split
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.evaluation.intervals import bootstrap
from florascope.files import write_json, write_text
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.verdict import Level
from florascope.images import RGB
from florascope.metrics import Labels, cross_entropy, softmax
from florascope.progress import track

LEVELS: tuple[Level, ...] = ("species", "genus", "family", "unsure", "none")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the table."""
    options = parse(arguments)
    identifier = Identifier(options.bundle)
    dataset = oxford102()
    split = choose_split(dataset, str(options.split), 0)
    figures = {
        "bundle": options.bundle.resolve().name,
        "known": known(identifier, dataset, split.test),
        "strangers": strangers(identifier, options.others),
        "held_out": held(dataset, split),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "verdicts.json", figures)
    write_text(options.out / "verdicts.md", page(figures))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    home = Path(os.environ.get("FLORASCOPE_DATA", ""))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path, help="folder of a calibrated bundle")
    usual = home / "flowers-102" / "split_80_10_10_udacity.csv"
    parser.add_argument("--split", type=Path, default=usual, help="the split that made the bundle")
    parser.add_argument("--others", type=Path, help="folder of photos that show no flowers")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args(arguments)


def known(identifier: Identifier, dataset: Dataset, test: Indexes) -> dict[str, Any]:
    """Measure calibration, coverage and levels on the test photos."""
    found = answers(identifier, (dataset.photos[i].read() for i in test), len(test), "Known")
    labels = dataset.labels[test]
    logits = np.stack([a.observation.logits for a in found])
    after = np.stack([a.probabilities for a in found])
    return {
        "photos": len(test),
        "ece_before": calibration_error(softmax(logits), labels),
        "ece_after": calibration_error(after, labels),
        "ece_floor": floor(after),
        "loss_before": cross_entropy(logits, labels),
        "loss_after": cross_entropy(np.log(after), labels),
        "top1": float((after.argmax(1) == labels).mean()),
        **sets(found, labels),
        "levels": shares([a.verdict.level for a in found]),
        "right": right(found, labels),
    }


def floor(probabilities: Probabilities, draws: int = 200, seed: int = 0) -> float:
    """Mean calibration error that labels drawn from these very probabilities would show."""
    rng = np.random.default_rng(seed)
    cumulative = probabilities.cumsum(1)
    cumulative[:, -1] = 1.0  # what rounding leaves open
    drawn = ((cumulative > rng.random((len(cumulative), 1))).argmax(1) for _ in range(draws))
    return float(np.mean([calibration_error(probabilities, labels) for labels in drawn]))


def sets(found: list[Identification], labels: Labels) -> dict[str, Any]:
    """Measure the prediction sets: coverage averaged over classes, and size."""
    held = np.zeros((len(found), len(found[0].probabilities)), dtype=bool)
    for row, answer in zip(held, found, strict=True):
        row[list(answer.prediction_set)] = True
    coverage = class_coverage(held, labels)
    sizes = held.sum(1)
    return {
        "coverage": bootstrap(coverage).to_json(),
        "classes_below_level": int((coverage < 0.9).sum()),
        "mean_set_size": float(sizes.mean()),
        "largest_set": int(sizes.max()),
        "single": float((sizes == 1).mean()),
    }


def right(found: list[Identification], labels: Labels) -> dict[str, float | None]:
    """Share of verdicts of each level whose members hold the truth."""
    hits: dict[Level, list[bool]] = {level: [] for level in LEVELS}
    for answer, label in zip(found, labels.tolist(), strict=True):
        hits[answer.verdict.level].append(label in answer.verdict.members)
    return {
        level: float(np.mean(hit)) if hit and level != "none" else None
        for level, hit in hits.items()
    }


def strangers(identifier: Identifier, others: Path | None) -> dict[str, Any]:
    """Ask about what the bundle does not know."""
    photos = {
        "unknown species (Oxford-17)": unknown_species(),
        "backgrounds": backgrounds(),
        "textures": textures(),
    }
    if others:
        photos["other things, on white"] = folder(others)
        photos["other things, before leaves"] = before(others, photos["backgrounds"])
    return {
        name: shares([a.verdict.level for a in answers(identifier, asked, len(asked), name)])
        for name, asked in photos.items()
    }


def held(dataset: Dataset, split: Split) -> dict[str, Any]:
    """Ask a frozen probe about species that were held out of it."""
    return {name: shares(levels) for name, levels in held_out(dataset, split, show).items()}


def shares(levels: Sequence[Level]) -> dict[str, float]:
    """Share of each level, and how many there were."""
    return {"n": len(levels), **{level: levels.count(level) / len(levels) for level in LEVELS}}


def answers(
    identifier: Identifier, photos: Iterable[RGB], count: int, what: str
) -> list[Identification]:
    """Answer for each photo."""
    return [identifier(photo) for photo in track(photos, count, what, show)]


def show(what: str, done: int, total: int) -> None:
    """Print progress on one line."""
    print(f"\r{what}: {done}/{total}", end="\n" if done == total else "", flush=True)


if __name__ == "__main__":
    main()
