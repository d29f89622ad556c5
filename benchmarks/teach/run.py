"""How good is what the browser edition learns from 1, 3, 5, 10 or 20 photos of a class?

    python benchmarks/teach/run.py [--first 0] [--draws 20] [--selecting] [--out results]

Figures of each draw are kept (results.json), so that draws can be measured in parts, and tabulated
(results.md).

Each draw takes 20 of 51 species of Oxford 102 (features of torchvision's MobileNetV2, which has
never seen a label of theirs, and which the package holds): 10 or 3 are taught, 10 are strangers.
The other 82 species are what the network knew before. The browser's own code learns, in Node; its
head answers all other photos of the taught species, those of the strangers, and test photos of the
species that were known before. Ridge, scale and the score of strangers were chosen on the other 51
species, which --selecting asks for. "Nearest mean" is the plain alternative: the softmax of minus
half the squared distance.
"""

import argparse
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import Features, class_means, similarities
from florascope.data.dataset import ClassName, Dataset
from florascope.data.oxford102_features import embedded_oxford102
from florascope.export.web import FIGURES
from florascope.files import write_text
from florascope.identify.catalogue import Catalogue
from florascope.identify.verdict import Judgement, judge, unnamed
from florascope.metrics import Labels, softmax
from florascope.shapes import Float, Int64

SPECIES, HELD, STRANGERS = 102, 20, 10
CLASSES, PHOTOS = (3, 10), (1, 3, 5, 10, 20)
SPLIT = "6552-818-819"
COLUMNS = (
    *("right", "nearest mean", "claimed", "gap", "gap of nearest mean", "coverage", "set size"),
    *("refused", "named", "right of named", "strangers named", "known before named", "seconds"),
)
Figures = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A few photos of some species, and what the head they give is asked.

    Attributes:
        each: photos a class.
        features: (n, c) to learn from.
        labels: (n,).
        elsewhere: (n,) largest cosine to a species that was known before.
        asked: features of other photos of the taught species, of strangers, and of species that
            were known before, each with its own largest cosine to the latter.
        truth: labels of the first.
    """

    each: int
    features: Features
    labels: Labels
    elsewhere: Float[np.ndarray, "n"]
    asked: dict[str, tuple[Features, Float[np.ndarray, "m"]]]
    truth: Labels

    @property
    def classes(self) -> int:
        """How many species are taught."""
        return int(self.labels.max()) + 1


def main() -> None:
    """Teach the lessons of some draws, and tabulate all draws that were measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--selecting", action="store_true", help="draw of the other 51 species")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results"))
    options = parser.parse_args()
    oxford = embedded_oxford102()
    features = oxford.features("torchvision").astype(np.float32)
    halves = np.split(np.random.default_rng(0).permutation(SPECIES), 2)
    species = halves[0 if options.selecting else 1]
    kept = options.out.with_suffix(".json")
    rows = json.loads(kept.read_text()) if kept.exists() else []
    for seed in range(options.first, options.first + options.draws):
        lessons = list(drawn(oxford.dataset, features, species, seed))
        pairs = zip(lessons, taught(lessons), strict=True)
        found = [{"seed": seed, **size(one), **measured(one, told)} for one, told in pairs]
        rows = sorted([r for r in rows if r["seed"] != seed] + found, key=lambda r: r["seed"])
        write_text(kept, json.dumps(rows, indent=0) + "\n")
    lines = table(rows)
    write_text(options.out.with_suffix(".md"), "\n".join(lines) + "\n")
    print("\n".join(lines))


def size(lesson: Lesson) -> dict[str, int]:
    """Say how much was taught."""
    return {"classes": lesson.classes, "photos of each": lesson.each}


def drawn(
    dataset: Dataset, features: Features, species: Int64[np.ndarray, "s"], seed: int
) -> Iterator[Lesson]:
    """Draw species and photos: lessons of each size."""
    labels, split = dataset.labels, dataset.own_splits[SPLIT]
    rng = np.random.default_rng(100 + seed)
    held = rng.choice(species, HELD, replace=False)
    before = np.setdiff1d(np.arange(SPECIES), held)
    told = split.train[np.isin(labels[split.train], before)]
    means = class_means(features[told], np.searchsorted(before, labels[told]), len(before))
    elsewhere = similarities(features, means).max(1)
    known = split.test[np.isin(labels[split.test], before)]
    for count in CLASSES:
        taught = held[:count]
        pools = [rng.permutation(np.flatnonzero(labels == one)) for one in taught]
        for each in PHOTOS:
            learnt = np.concatenate([pool[:each] for pool in pools])
            rest = np.concatenate([pool[max(PHOTOS) :] for pool in pools])
            asked = {
                "taught": rest,
                "strangers": np.flatnonzero(np.isin(labels, held[HELD - STRANGERS :])),
                "known before": known,
            }
            yield Lesson(
                each,
                features[learnt],
                numbered(labels[learnt], taught),
                elsewhere[learnt],
                {name: (features[i], elsewhere[i]) for name, i in asked.items()},
                numbered(labels[rest], taught),
            )


def numbered(labels: Labels, species: Int64[np.ndarray, "k"]) -> Labels:
    """Count labels from 0 in the order of the species."""
    return np.argmax(labels[:, None] == species, 1).astype(np.int64)


def taught(lessons: list[Lesson]) -> list[dict[str, Any]]:
    """Teach them all, by the files that a browser would load."""
    asked = [
        {"labels": one.labels.tolist(), "elsewhere": one.elsewhere.tolist()} for one in lessons
    ]
    code, node = Path(str(files("florascope.export") / "web")), shutil.which("node")
    if node is None:
        raise SystemExit("there is no node: install Node.js")
    with tempfile.TemporaryDirectory() as name:
        for number, one in enumerate(lessons):
            one.features.astype("<f4").tofile(Path(name, f"features-{number}.f32"))
        told = {"figures": FIGURES, "width": lessons[0].features.shape[1], "asked": asked}
        Path(name, "lessons.json").write_text(json.dumps(told))
        driver = Path(__file__).with_name("lesson.mjs")
        subprocess.run([node, driver, code, name], check=True)  # noqa: S603 (nothing from outside)
        return list(json.loads(Path(name, "taught.json").read_text()))


def measured(lesson: Lesson, taught: dict[str, Any]) -> Figures:
    """Ask a taught head everything."""
    answers = {name: answered(lesson, taught, *asked) for name, asked in lesson.asked.items()}
    own, truth = answers["taught"], lesson.truth
    first = np.array([one.probabilities.argmax() for one in own])
    claimed = float(np.mean([one.probabilities.max() for one in own]))
    right = float((first == truth).mean())
    named = np.array([one.verdict.level == "species" for one in own])
    held = [k in one.prediction_set for one, k in zip(own, truth.tolist(), strict=True)]
    plain = nearest_mean(lesson)
    mean_right = float((plain.argmax(1) == truth).mean())
    found = {
        "right": right,
        "nearest mean": mean_right,
        "gap of nearest mean": abs(float(plain.max(1).mean()) - mean_right),
        "seconds": taught["seconds"],
    }
    if not taught["calibration"]:
        return found
    return found | {
        "claimed": claimed,
        "gap": abs(claimed - right),
        "coverage": float(np.mean(held)),
        "set size": float(np.mean([len(one.prediction_set) for one in own])),
        "refused": share(own, "none"),
        "named": float(named.mean()),
        "right of named": float((first == truth)[named].mean()) if named.any() else None,
        "strangers named": share(answers["strangers"], "species"),
        "known before named": share(answers["known before"], "species"),
    }


def answered(
    lesson: Lesson, taught: dict[str, Any], features: Features, elsewhere: Float[np.ndarray, "m"]
) -> list[Judgement]:
    """Judge photos as the bundle's graph and the library do."""
    head, told, shape = taught["head"], taught["calibration"], (lesson.classes, -1)
    logits = features @ np.reshape(head["weight"], shape).T + np.array(head["bias"])
    means = np.reshape(head["means"], shape).astype(np.float32)
    alike = similarities(features, means).max(1) - elsewhere
    calibration = Calibration.from_json(told, lesson.classes) if told else None
    catalogue = Catalogue.of(tuple(ClassName(f"k{k}", f"k{k}") for k in range(lesson.classes)))
    shares = softmax(logits / (calibration.temperature if calibration else 1))
    pairs = zip(shares, alike.tolist(), strict=True)
    found = [judge(p, one, calibration, catalogue) for p, one in pairs]
    if not (calibration and calibration.familiarity):
        return found
    ratios = likelihood_ratio(head["ratio"], lesson.classes)(features).max(1).tolist()
    scores = zip(found, logits.max(1).tolist(), ratios, strict=True)
    strange = calibration.familiarity.is_strange
    return [unnamed(one) if strange(z, r) else one for one, z, r in scores]


def likelihood_ratio(terms: dict[str, list[float]], classes: int) -> LikelihoodRatio:
    """Read what the browser made."""
    axes = len(terms["shift"])
    shapes = {"axes": (axes, -1), "square": (classes, axes), "linear": (classes, axes)}
    arrays = {n: np.reshape(v, shapes.get(n, -1)).astype(np.float32) for n, v in terms.items()}
    return LikelihoodRatio(**arrays)


def nearest_mean(lesson: Lesson) -> Float[np.ndarray, "m k"]:
    """Answer by the distance to each class's mean features."""
    means = np.stack([lesson.features[lesson.labels == k].mean(0) for k in range(lesson.classes)])
    features, _ = lesson.asked["taught"]
    return softmax(features @ means.T - 0.5 * (means**2).sum(1))


def share(judged: list[Judgement], level: str) -> float:
    """Share of photos of which so much is said."""
    return float(np.mean([one.verdict.level == level for one in judged]))


def table(rows: list[Figures]) -> list[str]:
    """Tabulate means and standard deviations over the draws."""
    draws = len({row["seed"] for row in rows})
    about = (
        f"Means over {draws} draws of species and photos, with the standard deviation of a draw."
        " gap: |claimed - right| of a draw. Percent, but for set size and seconds (one core, Node)."
        f" Promised: coverage {100 * FIGURES['level']:.0f}, refused"
        f" {100 * FIGURES['refused']:.0f}. Made by `run.py`."
    )
    sizes = ("classes", "photos of each")
    lines = [f"| {' | '.join((*sizes, *COLUMNS))} |", f"|{'---|' * (2 + len(COLUMNS))}"]
    for both in itertools.product(CLASSES, PHOTOS):
        own = [row for row in rows if tuple(row[name] for name in sizes) == both]
        cells = [spread([row.get(name, np.nan) for row in own], name) for name in COLUMNS]
        lines.append(f"| {' | '.join([*map(str, both), *cells])} |")
    return ["# Taught from few photos", "", about, "", *lines]


def spread(values: list[float | None], name: str) -> str:
    """Write a mean and its spread."""
    known = np.array([v for v in values if v is not None and np.isfinite(v)])
    if not len(known):
        return "-"
    if name in {"set size", "seconds"}:
        return f"{known.mean():.2f}"
    return f"{100 * known.mean():.1f} ± {100 * known.std():.1f}"


if __name__ == "__main__":
    main()
