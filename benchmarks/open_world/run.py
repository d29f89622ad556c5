"""How well are species told apart from strangers? Makes the committed table.

    python benchmarks/open_world/run.py                      # frozen features, in the package
    python benchmarks/open_world/run.py --tuned FOLDER       # of networks made by tune.py
    python benchmarks/open_world/run.py --select             # on the species that select

Five draws: 20 of Oxford 102's species are strangers and 12 others select; the network, head, class
means, likelihood ratio and thresholds know the other 70 alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from protocol import CURVE, DRAWS, Answers, Indexes, World, at, draw, separation
from scores import OURS, scores

from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.files import write_json, write_text

Figures = dict[str, dict[str, float]]
"""Of one draw, by the score's name."""
WHOLE = ("auroc", "refused", "accepted", "wrong")


def main() -> None:
    """Measure the draws that are not in the table yet, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuned", type=Path, help="folder of tune.py's features")
    parser.add_argument("--select", action="store_true", help="ask the species that select")
    parser.add_argument("--draws", type=int, nargs="+", default=range(DRAWS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    name = ("tuned" if options.tuned else "frozen") + ("-selecting" if options.select else "")
    file = options.out / f"{name}.json"
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Figures] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for seed in options.draws:
        if str(seed) not in found:
            world, answers = answers_of(options.tuned, seed)
            strangers = world.selecting if options.select else world.strangers
            found[str(seed)] = _measure(world, answers, strangers)
            write_json(file, found)
    text = page(list(found.values()), "fine-tuned" if options.tuned else "frozen")
    write_text(file.with_suffix(".md"), text)
    print(text)


def answers_of(tuned: Path | None, seed: int) -> tuple[World, Answers]:
    """Return a draw, and what a probe on frozen or on tune.py's features answers."""
    embedded = embedded_oxford102()
    dataset, split = embedded.dataset, embedded.dataset.own_splits[CSV_SPLIT]
    world = draw(dataset.labels, split, dataset.classes, seed)
    if tuned is None:
        return world, Answers.of(world, embedded.features("torchvision"))
    kept = np.load(tuned / f"{seed}.npz")
    views = (kept[name].astype(np.float32) for name in ("features", "mirrored"))
    return world, Answers.of(world, *views)


def _measure(world: World, answers: Answers, strangers: Indexes) -> Figures:
    found = {
        name: separation(score, world, strangers) for name, score in scores(answers, world).items()
    }
    for name, familiar in (("verdict before", False), ("verdict now", True)):
        named, wrong = answers.named(world, world.split.test, familiar=familiar)
        strange, _ = answers.named(world, strangers, familiar=familiar)
        found[name] = {"refused": 1 - named, "accepted": strange, "wrong": wrong}
    score = scores(answers, world)[OURS]
    for share in CURVE:
        found[f"curve {share:.2f}"] = at(score, world, strangers, share)
    return found


def page(draws: list[Figures], network: str) -> str:
    """Write mean and standard deviation over the draws in Markdown."""
    lines = [
        f"# Strangers: {network} MobileNetV2",
        "",
        f"{len(draws)} draws of 20 strange species of Oxford 102; 70 known."
        " Mean and standard deviation over the draws.",
        "",
        "| score | AUROC | known refused | strangers named | known named wrongly |",
        "|---|---|---|---|---|",
    ]
    names = [name for name in draws[0] if not name.startswith("curve")]
    lines += [_row(draws, name, name, WHOLE) for name in names]
    lines += [
        "",
        f"By the known validation photos that {OURS} may refuse:",
        "",
        "| of validation | known refused | strangers named |",
        "|---|---|---|",
    ]
    for share in CURVE:
        lines.append(_row(draws, f"curve {share:.2f}", f"{share:.2f}", ("refused", "accepted")))
    return "\n".join([*lines, ""])


def _row(draws: list[Figures], name: str, shown: str, columns: tuple[str, ...]) -> str:
    rows = [figures[name] for figures in draws]
    return f"| {shown} | {' | '.join(_cell([r[k] for r in rows if k in r]) for k in columns)} |"


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
