"""How well are species told apart from strangers? Makes the committed table.

    python benchmarks/open_world/run.py                      # frozen features, in the package
    python benchmarks/open_world/run.py --tuned FOLDER       # of networks made by tune.py
    python benchmarks/open_world/run.py --select             # on the species that select, no file

Five draws: 20 of Oxford 102's species are strangers and 12 others select; the network, head, class
means, likelihood ratio and thresholds know the other 70 alone.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from protocol import DRAWS, Answers, World, draw, separation
from scores import scores

from florascope.data.oxford102_features import CSV_SPLIT, embedded_oxford102
from florascope.files import write_json, write_text
from florascope.nets.classifier import LinearHead

Figures = dict[str, list[dict[str, float]]]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tuned", type=Path, help="folder of tune.py's features")
    parser.add_argument("--select", action="store_true", help="ask the species that select")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    found: Figures = {}
    for world, answers in worlds(options.tuned, options.draws):
        strangers = world.selecting if options.select else world.strangers
        for name, score in scores(answers, world).items():
            found.setdefault(name, []).append(separation(score, world, strangers))
        for name, familiar in (("verdict before", False), ("verdict now", True)):
            said = {
                "refused": 1 - answers.named(world, world.split.test, familiar=familiar),
                "accepted": answers.named(world, strangers, familiar=familiar),
            }
            found.setdefault(name, []).append(said)
    text = page(found, "fine-tuned" if options.tuned else "frozen")
    print(text)
    if not options.select:
        name = "tuned" if options.tuned else "frozen"
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(options.out / f"{name}.json", found)
        write_text(options.out / f"{name}.md", text)


def worlds(tuned: Path | None, draws: int) -> Iterator[tuple[World, Answers]]:
    """Make each draw's answers."""
    embedded = embedded_oxford102()
    dataset, split = embedded.dataset, embedded.dataset.own_splits[CSV_SPLIT]
    for seed in range(draws):
        world = draw(dataset.labels, split, dataset.classes, seed)
        if tuned is None:
            yield world, Answers.of(world, embedded.features("torchvision"))
            continue
        kept = np.load(tuned / f"{seed}.npz")
        head = LinearHead(torch.from_numpy(kept["weight"]), torch.from_numpy(kept["bias"]))
        yield world, Answers.of(world, kept["features"].astype(np.float32), head)


def page(found: Figures, network: str) -> str:
    """Write mean and standard deviation over the draws in Markdown."""
    lines = [
        f"# Strangers: {network} MobileNetV2",
        "",
        f"{len(next(iter(found.values())))} draws of 20 strange species of Oxford 102; 70 known."
        " Mean and standard deviation over the draws.",
        "",
        "| score | AUROC | known refused | strangers named |",
        "|---|---|---|---|",
    ]
    for name, draws in found.items():
        cells = [_cell([d[k] for d in draws if k in d]) for k in ("auroc", "refused", "accepted")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
