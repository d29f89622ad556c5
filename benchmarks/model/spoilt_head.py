"""Can a head alone learn to bear photos from phones and messengers, its network standing still?

    python benchmarks/model/spoilt_head.py BUNDLE --split FILE.csv [--seed 0]

Needs FLORASCOPE_DATA with flowers-102/. Features of the training photos, and of one spoilt copy of
each (`florascope.degradation`, kind and severity drawn), fit a probe chosen by the loss of
validation photos and their own spoilt copies; beside it stand the bundle's head and a probe on the
plain photos alone. Rows of spoilt_head.csv beside this file: top-1 of the validation photos by kind
and severity. Test photos are not looked at. Stopped, it goes on where it was.
"""

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from resolution import samples

from florascope.bundle.config import find_bundle
from florascope.data.dataset import Dataset, Indexes, Photo
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.degradation import DAMAGES, SEVERITIES, degrade
from florascope.images import RGB
from florascope.nets.classifier import Classifier, LinearHead, join_samples, score
from florascope.nets.saving import load_classifier
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

TABLE = Path(__file__).with_name("spoilt_head.csv")
CONDITIONS = [
    ("plain", 0),
    *((kind, 5) for kind in DAMAGES),
    *((kind, 3) for kind in ("blurred", "tiny", "screenshot")),
]


@dataclass(frozen=True)
class Spoilt:
    """A photo with one kind of damage."""

    photo: Photo
    kind: str
    severity: int

    @property
    def name(self) -> str:
        """As the photo's."""
        return self.photo.name

    def read(self) -> RGB:
        """Return the spoilt pixels."""
        return np.ascontiguousarray(degrade(self.photo.read(), self.kind, self.severity))

    def digest(self) -> str:
        """Another one than the photo's."""
        return f"{self.kind} {self.severity} {self.photo.digest()}"


def main() -> None:
    """Fit the heads, and write a row a head and condition."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("--split", required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the damage to training photos")
    options = parser.parse_args()
    classifier, dataset = load_classifier(find_bundle(options.bundle)), oxford102()
    split = choose_split(dataset, options.split, 0)
    found = heads(classifier, dataset, split.train, split.val, options.seed)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "severity", "n", *found))
        for row in rows(classifier, dataset, split.val, found):
            writer.writerow(row)
            print(*row, flush=True)


def heads(
    classifier: Classifier, dataset: Dataset, train: Indexes, val: Indexes, seed: int
) -> dict[str, LinearHead]:
    """Return the heads by name."""
    plain, judged = (samples(classifier, dataset, part) for part in (train, val))
    spoilt = samples(classifier, dataset, train, drawn(np.random.default_rng([seed, 0])))
    also = samples(classifier, dataset, val, drawn(np.random.default_rng([seed, 1])))
    own = classifier.head
    return {
        "own": LinearHead(own.weight.detach(), own.bias.detach()),
        "probe": fit_probe(plain, judged, Probe()),
        "probe, spoilt copies too": fit_probe(
            join_samples([plain, spoilt]), join_samples([judged, also]), Probe()
        ),
    }


def drawn(draw: np.random.Generator) -> Callable[[Photo], Photo]:
    """Return what spoils each photo it meets in a way of its own."""
    kinds = list(DAMAGES)

    def spoil(photo: Photo) -> Photo:
        kind = kinds[int(draw.integers(len(kinds)))]
        return Spoilt(photo, kind, int(draw.integers(1, SEVERITIES + 1)))

    return spoil


def rows(
    classifier: Classifier, dataset: Dataset, val: Indexes, found: dict[str, LinearHead]
) -> Iterator[tuple[str, ...]]:
    """Yield each condition's top-1 of every head."""
    for kind, severity in CONDITIONS:
        spoil = partial(Spoilt, kind=kind, severity=severity) if severity else None
        seen = samples(classifier, dataset, val, spoil)
        shares = (score(head(seen.features), seen.targets)[1] for head in found.values())
        yield kind, str(severity), str(len(val)), *(f"{share:.4f}" for share in shares)


if __name__ == "__main__":
    main()
