"""By what LOGITS and the three shares were chosen: species neither known nor reported.

    python benchmarks/open_world/choose.py                  # frozen features, in the package
    python benchmarks/open_world/choose.py --tuned FOLDER   # of networks made by tune.py

Known photos are those of validation and test together; the twelve selecting species of each draw
play the strangers. The 20 species that run.py reports are not looked at.
"""

import argparse
from pathlib import Path

import numpy as np
from protocol import DRAWS, Answers, Scores, World, auroc
from run import answers_of

from florascope.calibration.calibration import DOUBTED_TOO, LOGITS, REFUSED_TOO, UNFAMILIAR
from florascope.calibration.similarity import similarities
from florascope.files import write_text
from florascope.metrics import softmax

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 1e6)
REFUSED = (0.0, 0.005, 0.01, 0.02, 0.03)
UNFAMILIAR_TOO = (0.06, 0.07, 0.08, 0.09, 0.10)
DOUBTED = (0.01, 0.02, 0.03, 0.05, 0.08)
SHARES = [
    *((refused, unfamiliar, DOUBTED_TOO) for refused in REFUSED for unfamiliar in UNFAMILIAR_TOO),
    *((REFUSED_TOO, UNFAMILIAR, doubted) for doubted in DOUBTED),
]


def main() -> None:
    """Measure every choice on every draw and write the mean."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuned", type=Path, help="folder of tune.py's features")
    parser.add_argument("--draws", type=int, nargs="+", default=range(DRAWS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    weights: list[list[tuple[float, float]]] = []
    shares: list[list[tuple[float, float, float]]] = []
    for seed in options.draws:
        world, answers = answers_of(options.tuned, seed)
        weights.append([_weighed(world, answers, weight) for weight in WEIGHTS])
        shares.append([_named(world, answers, *three) for three in SHARES])
    text = _page(np.array(weights).mean(0), np.array(shares).mean(0), len(weights))
    name = "chosen-tuned" if options.tuned else "chosen-frozen"
    write_text(options.out / f"{name}.md", text)
    print(text)


def _score(world: World, answers: Answers, weight: float) -> Scores:
    """Of all photos, as `fit_figures` weighs them."""
    ratio = answers.calibrated.ratio
    if ratio is None:
        raise ValueError("too few classes")
    val = world.split.val
    parts = (ratio(answers.features).max(1), answers.logits.max(1).astype(np.float64))
    ratios, logits = ((p - p[val].mean()) / p[val].std() for p in parts)
    return np.asarray(ratios + weight * logits)


def _weighed(world: World, answers: Answers, weight: float) -> tuple[float, float]:
    score = _score(world, answers, weight)
    known, strange = score[_known(world)], score[world.selecting]
    return auroc(known, strange), float((strange >= np.quantile(known, 0.1)).mean())


def _named(
    world: World, answers: Answers, refused: float, unfamiliar: float, doubted: float
) -> tuple[float, float, float]:
    """Return the shares of known photos not named, of strangers named, of known named wrongly."""
    score, val, known = _score(world, answers, LOGITS), world.split.val, _known(world)
    alike = similarities(answers.features, answers.calibrated.means).max(1)
    shares = softmax(answers.logits / answers.calibrated.calibration.temperature)
    named = np.ones(len(score), bool)
    asked = ((alike, refused), (score, unfamiliar), (shares.max(1), doubted))
    for values, share in asked:
        named &= values >= np.quantile(values[val], share)
    wrong = named & (shares.argmax(1) != world.labels)
    return 1 - float(named[known].mean()), float(named[world.selecting].mean()), wrong[known].mean()


def _known(world: World) -> np.ndarray:
    return np.concatenate([world.split.val, world.split.test])


def _page(weights: np.ndarray, shares: np.ndarray, draws: int) -> str:
    lines = [
        "# Chosen on species that are neither known nor reported",
        "",
        f"Means over {draws} draws. Strangers named: where a tenth of the known are not.",
        "",
        "| weight of the logit | AUROC | strangers named |",
        "|---|---|---|",
        *(f"| {w:g} | {a:.4f} | {n:.3f} |" for w, (a, n) in zip(WEIGHTS, weights, strict=True)),
        "",
        f"At a weight of {LOGITS} and {DOUBTED_TOO} doubted: known not named, strangers named.",
        "",
        "| refused | " + " | ".join(f"unfamiliar {u:g}" for u in UNFAMILIAR_TOO) + " |",
        "|---" * (len(UNFAMILIAR_TOO) + 1) + "|",
    ]
    grid = shares[: -len(DOUBTED)].reshape(len(REFUSED), len(UNFAMILIAR_TOO), 3)
    for refused, row in zip(REFUSED, grid, strict=True):
        cells = (f"{known:.3f}, {named:.3f}" for known, named, _ in row)
        lines.append(f"| {refused:g} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"At {REFUSED_TOO} refused and {UNFAMILIAR} unfamiliar:",
        "",
        "| doubted | known not named | strangers named | known named wrongly |",
        "|---|---|---|---|",
    ]
    for doubted, row in zip(DOUBTED, shares[-len(DOUBTED) :], strict=True):
        lines.append(f"| {doubted:g} | {row[0]:.3f} | {row[1]:.3f} | {row[2]:.4f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
