"""Photos of one species answered together: which rule, how right, how honest, how careful.

    python benchmarks/app/together.py

The shipped model answers the photos of the 80/10/10 split. Each photo is put together with those of
its species that the network sees as most like it (2, 3 and 5 photos): of all held-out photos the
nearest to views of one plant. Validation groups choose the rule and its exponent, which stands in
the bundle as `pooling`; test groups are measured once, with that rule alone.

Counted on test groups as `florascope identify --together` answers them: groups that are named,
named wrongly or refused, sets that hold the species, and groups that warn of less than one of their
photos would alone. Groups of strangers are neighbouring photos of snowdrops, lilies of the valley,
bluebells and tulips (Oxford-17), none of which is among the 102.

Needs FLORASCOPE_DATA with flowers-102 and oxford-17-masks. Writes together.md beside this file.
"""

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from florascope.bundle.config import find_bundle
from florascope.calibration.fitting import calibration_error
from florascope.calibration.pooling import SIZES, alike_groups, fit_exponent, pooled
from florascope.data.oxford102 import oxford102
from florascope.files import write_text
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.model import SHIPPED
from florascope.identify.together import combine
from florascope.metrics import softmax
from florascope.parallel import in_order

sys.path.insert(0, str(Path(__file__).parents[1] / "verdicts"))

from strangers import unknown_species

HOME = Path(os.environ.get("FLORASCOPE_DATA", "")) / "flowers-102"
SUBSETS = {"valid": "val", "test": "test"}
Rule = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Answer every photo once, then all groups of them, and write the tables."""
    identifier = Identifier(find_bundle(SHIPPED))
    figures = identifier.config.calibration
    assert figures is not None
    found = {subset: answers(identifier, subset) for subset in SUBSETS.values()}
    logits, labels = tensors(*found["val"])
    fitted = fit_exponent(logits, labels, figures.temperature)
    lines = ["# Photos of one species together", ""]
    lines += chosen(logits, labels, figures.temperature, fitted)
    lines += measured(*found["test"], figures.pooling)
    lines += strangers(identifier)
    write_text(Path(__file__).with_suffix(".md"), "\n".join(lines) + "\n")


def answers(identifier: Identifier, subset: str) -> tuple[list[Identification], list[int]]:
    """Return the answers to a subset's photos, and their classes."""
    dataset = oxford102(HOME.parent)
    with (HOME / "split_80_10_10_udacity.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if SUBSETS.get(row["split"]) == subset]
    at = [int(row["image_id"]) - 1 for row in rows]
    photos = [dataset.photos[k] for k in at]
    return list(in_order(lambda one: identifier(one.read()), photos)), dataset.labels[at].tolist()


def tensors(found: list[Identification], labels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (n, K) and labels (n,)."""
    return np.stack([one.observation.logits for one in found]), np.array(labels)


def chosen(
    logits: np.ndarray, labels: np.ndarray, temperature: float, fitted: float
) -> Iterator[str]:
    """Compare the rules on validation groups."""

    def pooling(exponent: float) -> Rule:
        return lambda z: softmax(pooled(z, exponent)[None] / temperature)[0]

    rules: dict[str, Rule] = {
        "mean of probabilities": lambda z: softmax(z / temperature).mean(0),
        "mean of logits (exponent 0)": pooling(0.0),
        "product of probabilities (exponent 1)": pooling(1.0),
        f"**fitted exponent, {fitted:g}**": pooling(fitted),
    }
    yield "Cross-entropy in nats (and accuracy) of validation groups by the number of photos:\n"
    yield f"| rule | {' | '.join(map(str, SIZES))} |"
    yield f"|---|{'---|' * len(SIZES)}"
    for name, rule in rules.items():
        cells = []
        for size in SIZES:
            groups = alike_groups(logits, labels, size)
            shares = np.array([rule(logits[members]) for members in groups.members])
            own = shares[np.arange(len(shares)), groups.labels]
            right = (shares.argmax(1) == groups.labels).mean()
            cells.append(f"{-np.log(np.maximum(own, 1e-300)).mean():.4f} ({right:.2%})")
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def measured(found: list[Identification], labels: list[int], exponent: float) -> Iterator[str]:
    """Measure test groups; those of one photo are the photos themselves."""
    logits, truth = tensors(found, labels)
    yield f"Test groups, with the bundle's exponent of {exponent:g}:\n"
    yield (
        "| photos | groups | right | mean probability | ECE | set holds it | named | wrongly |"
        " refused | warn of less |"
    )
    yield f"|{'---|' * 10}"
    for size in (1, *SIZES):
        groups = alike_groups(logits, truth, size)
        told = [combine([found[k] for k in members]) for members in groups.members]
        shares = np.array([group.probabilities for group in told])
        right = (shares.argmax(1) == groups.labels).mean()
        held = np.mean([k in g.prediction_set for g, k in zip(told, groups.labels, strict=True)])
        counts = Counter(group.verdict.level for group in told)
        wrong = sum(
            g.verdict.level == "species" and g.verdict.members != (k,)
            for g, k in zip(told, groups.labels, strict=True)
        )
        less = sum(bool(feared(group.photos) - feared([group])) for group in told)
        ece = calibration_error(shares, groups.labels)
        yield (
            f"| {size} | {len(told)} | {right:.2%} | {shares.max(1).mean():.2%} | {ece:.4f} |"
            f" {held:.2%} | {counts['species'] / len(told):.1%} | {wrong} |"
            f" {counts['none'] / len(told):.1%} | {less} |"
        )
    yield ""


def feared(told: object) -> set[int]:
    """Return the classes that answers warn of: those they name, hold possible, or resemble."""
    return {
        k
        for one in told  # type: ignore[attr-defined]
        for k in (*one.plausible, *one.verdict.members, *one.lookalikes())
    }


def strangers(identifier: Identifier) -> Iterator[str]:
    """Count how often flowers of unknown species are named."""
    found = list(in_order(identifier, unknown_species()))
    yield "Flowers of species that it does not know:\n"
    yield "| photos | groups | named | refused |"
    yield "|---|---|---|---|"
    for size in (1, *SIZES):
        told = [combine(found[k : k + size]) for k in range(len(found) - size + 1)]
        levels = Counter(group.verdict.level for group in told)
        named = sum(n for level, n in levels.items() if level not in {"none", "unsure"})
        shares = f"{named / len(told):.1%} | {levels['none'] / len(told):.1%}"
        yield f"| {size} | {len(told)} | {shares} |"


if __name__ == "__main__":
    main()
