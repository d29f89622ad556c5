"""How well are species told apart from strangers? Makes the committed table.

    python benchmarks/open_world/run.py                      # frozen features, in the package
    python benchmarks/open_world/run.py --tuned FOLDER       # of networks made by tune.py
    python benchmarks/open_world/run.py --select             # on the species that select, no file

Five draws: 20 of Oxford 102's species are strangers and 12 others select; the network, head, class
means, likelihood ratio and thresholds know the other 70 alone.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from protocol import DRAWS, Answers, Indexes, World, draw, separation
from scores import scores

from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.files import write_json, write_text

Figures = dict[str, dict[str, float]]
"""Of one draw, by the score's name."""


def main() -> None:
    """Measure the draws that are not in the table yet, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuned", type=Path, help="folder of tune.py's features")
    parser.add_argument("--select", action="store_true", help="ask the species that select")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    name = ("tuned" if options.tuned else "frozen") + ("-selecting" if options.select else "")
    file = options.out / f"{name}.json"
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Figures] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for seed in range(options.draws):
        if str(seed) not in found:
            world, answers = _answers(options.tuned, seed)
            strangers = world.selecting if options.select else world.strangers
            found[str(seed)] = _measure(world, answers, strangers)
            write_json(file, found)
    text = page(list(found.values()), "fine-tuned" if options.tuned else "frozen")
    write_text(file.with_suffix(".md"), text)
    print(text)


def _answers(tuned: Path | None, seed: int) -> tuple[World, Answers]:
    embedded = embedded_oxford102()
    dataset, split = embedded.dataset, embedded.dataset.own_splits[CSV_SPLIT]
    world = draw(dataset.labels, split, dataset.classes, seed)
    if tuned is None:
        return world, Answers.of(world, embedded.features("torchvision"))
    kept = np.load(tuned / f"{seed}.npz")
    return world, Answers.of(world, kept["features"].astype(np.float32))


def _measure(world: World, answers: Answers, strangers: Indexes) -> Figures:
    found = {
        name: separation(score, world, strangers) for name, score in scores(answers, world).items()
    }
    for name, familiar in (("verdict before", False), ("verdict now", True)):
        found[name] = {
            "refused": 1 - answers.named(world, world.split.test, familiar=familiar),
            "accepted": answers.named(world, strangers, familiar=familiar),
        }
    return found


def page(draws: list[Figures], network: str) -> str:
    """Write mean and standard deviation over the draws in Markdown."""
    lines = [
        f"# Strangers: {network} MobileNetV2",
        "",
        f"{len(draws)} draws of 20 strange species of Oxford 102; 70 known."
        " Mean and standard deviation over the draws.",
        "",
        "| score | AUROC | known refused | strangers named |",
        "|---|---|---|---|",
    ]
    for name in draws[0]:
        rows = [figures[name] for figures in draws]
        cells = [_cell([r[k] for r in rows if k in r]) for k in ("auroc", "refused", "accepted")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
