"""How a bundle answers when photos come from phones and messengers: one row a kind and severity.

    python benchmarks/model/robustness.py BUNDLE --name NAME --split FILE.csv
        [--subset val] [--kinds rotated ...] [--severities 1 2 3 4 5]

Needs FLORASCOPE_DATA with flowers-102/. Rows are appended to robustness.csv beside this file and
robustness.md is made of them all. Candidates are chosen on val; what is chosen is measured once on
test. The kinds are those of florascope.degradation, which `degrade=` trains with: a candidate that
was trained so has met the kinds, never these photos.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from florascope.bundle.config import find_bundle
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.degradation import DAMAGES, SEVERITIES, degrade
from florascope.identify.identifier import Identifier
from florascope.images import RGB
from florascope.parallel import in_order

TABLE = Path(__file__).with_name("robustness.csv")
PLAIN = "plain"


@dataclass(frozen=True)
class Row:
    """Attributes: of n photos, top1 were answered rightly; of species said, how many and wrong."""

    bundle: str
    subset: str
    kind: str
    severity: int
    n: int
    top1: float
    named: float
    named_wrongly: float


def main() -> None:
    """Measure a bundle and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("--name", required=True, help="of the bundle in the table")
    parser.add_argument("--split", required=True)
    parser.add_argument("--subset", default="val", choices=("val", "test"))
    every = list(range(1, SEVERITIES + 1))
    parser.add_argument("--severities", nargs="*", type=int, default=every)
    parser.add_argument("--kinds", nargs="*", choices=(PLAIN, *DAMAGES), default=[PLAIN, *DAMAGES])
    options = parser.parse_args()
    severities = {kind: [0] if kind == PLAIN else options.severities for kind in options.kinds}
    conditions = [(kind, severity) for kind, some in severities.items() for severity in some]
    for row in measured(options, conditions):
        append(row)
        print(row)
    TABLE.with_suffix(".md").write_text(page(), encoding="utf-8")


def measured(options: argparse.Namespace, conditions: Sequence[tuple[str, int]]) -> Iterator[Row]:
    """Yield a row a condition; every photo is read once."""
    identifier, dataset = Identifier(find_bundle(options.bundle)), oxford102()
    indexes = choose_split(dataset, options.split, 0)[options.subset]
    ids = [known.id for known in identifier.config.classes]
    labels = np.array([ids.index(dataset.classes[k].id) for k in dataset.labels[indexes]])
    photos = [dataset.photos[i].read() for i in indexes.tolist()]
    for kind, severity in conditions:
        asked = [(photo, kind, severity) for photo in photos]
        answers = np.array(list(in_order(lambda a: answer(identifier, *a), asked)))
        first, species = answers.T
        said = (labels == first, species == 1)
        shares = (said[0].mean(), said[1].mean(), (said[1] & ~said[0]).mean())
        found = (round(float(share), 4) for share in shares)
        yield Row(options.name, options.subset, kind, severity, len(labels), *found)


def answer(identifier: Identifier, photo: RGB, kind: str, severity: int) -> tuple[int, bool]:
    """Return the first class, and whether a species is said."""
    damaged = photo if kind == PLAIN else degrade(photo, kind, severity)
    found = identifier(np.ascontiguousarray(damaged))
    return int(found.probabilities.argmax()), found.verdict.level == "species"


def append(row: Row) -> None:
    """Add a row to the table."""
    fresh = not TABLE.is_file()
    with TABLE.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(row))


def page() -> str:
    """Draw the table: a row a kind, a column a severity."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "# Photos from phones and messengers",
        "",
        "Top-1 in %, and in brackets the photos that get a species' name and a wrong one, in %, by"
        " severity. Made by `robustness.py`.",
    ]
    for bundle, subset in dict.fromkeys((row["bundle"], row["subset"]) for row in rows):
        own = [row for row in rows if (row["bundle"], row["subset"]) == (bundle, subset)]
        lines += ["", f"## {bundle}, {own[0]['n']} {subset} photos", "", *drawn(own)]
    return "\n".join(lines) + "\n"


def drawn(rows: Sequence[dict[str, str]]) -> Iterator[str]:
    """Yield the lines of one bundle's table."""
    cells = {
        (row["kind"], int(row["severity"])): f"{100 * float(row['top1']):.1f}"
        f" ({100 * float(row['named_wrongly']):.1f})"
        for row in rows
    }
    severities = sorted({severity for _, severity in cells} - {0})
    yield f"As it is: {cells[PLAIN, 0]}."
    yield ""
    yield f"| | {' | '.join(map(str, severities))} |"
    yield f"|---|{'---|' * len(severities)}"
    for kind in dict.fromkeys(kind for kind, _ in cells if kind != PLAIN):
        damage = DAMAGES[kind]
        strengths = ", ".join(f"{damage.strengths[s - 1]:g}" for s in severities)
        values = " | ".join(cells[kind, s] for s in severities)
        yield f"| {kind} ({strengths} {damage.unit}) | {values} |"


if __name__ == "__main__":
    main()
