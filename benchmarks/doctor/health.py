"""What `florascope data inspect` finds on Oxford Flowers 102, without its photos.

    florascope data inspect oxford102 --report health.html --json > health.json
    python benchmarks/doctor/health.py health.json

Writes results/health.md beside this file: names of files and classes alone, since the photos are
not ours to publish. The page of the first command shows them.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from florascope.files import write_text

SHOWN = 40
ABOUT = """\
Made by `florascope data inspect oxford102 --json` and `benchmarks/doctor/health.py`, on a copy of
the photos whose shorter sides are 256 pixels. Suspicious labels are photos that a linear
discriminant on features of torchvision's MobileNetV2, which did not see them, takes for another
class with confidence (five folds). Not every one is wrong: two classes may look alike to that
network, or two flowers be in one photo."""


def page(found: dict[str, Any]) -> str:
    """Write what was found."""
    lines = [
        "# Health of Oxford Flowers 102",
        "",
        ABOUT,
        "",
        f"{found['photos']:,} photos of {len(found['counts'])} classes; the largest has"
        f" {found['imbalance']:.1f} times as many photos as the smallest. Sizes from"
        f" {_size(found['smallest'])} to {_size(found['largest'])}. Colour modes:"
        f" {', '.join(f'{mode} {n:,}' for mode, n in found['modes'].items())}. Broken:"
        f" {len(found['broken'])}; turned by EXIF: {len(found['rotated'])}; very small or very"
        f" long: {len(found['odd'])}; classes with few photos: {len(found['small_classes'])}.",
        "",
        *_listed("Equal files", [" = ".join(group) for group in found["duplicates"]]),
        *_listed("Near-duplicates", [" ~ ".join(pair) for pair in found["near_duplicates"]]),
        *_listed(
            "The same, or nearly, under two labels", [" ~ ".join(p) for p in found["conflicts"]]
        ),
    ]
    for name, leaks in found["leaks"].items():
        told = [f"{one} ~ {other} ({sides})" for one, other, sides in leaks]
        lines += _listed(f"Leaks across the split {name}", told)
    noise = 100 * found["noise"]
    lines += [
        f"## Suspicious labels: {len(found['suspects'])} (noise estimated at {noise:.1f} %)",
        "",
        "| photo | labelled | looks like | by |",
        "|---|---|---|---|",
        *_suspects(found["suspects"][:SHOWN]),
        "",
    ]
    return "\n".join(lines)


def _size(sides: Sequence[int]) -> str:
    return f"{sides[0]} x {sides[1]}"


def _listed(title: str, items: Sequence[str]) -> list[str]:
    more = [f"- and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [f"## {title}: {len(items)}", "", *(f"- {i}" for i in items[:SHOWN]), *more, ""]


def _suspects(suspects: Sequence[dict[str, Any]]) -> Iterator[str]:
    for s in suspects:
        yield f"| {s['photo']} | {s['label']} | {s['looks_like']} | {s['margin']:.2f} |"


def main() -> None:
    """Read, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("found", type=Path, help="JSON of florascope data inspect")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    found = json.loads(options.found.read_text(encoding="utf-8"))
    write_text(options.out / "health.md", page(found))


if __name__ == "__main__":
    main()
