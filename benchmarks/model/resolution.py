"""What photos of more pixels than a network learned from are worth, its head refitted to them.

    python benchmarks/model/resolution.py BUNDLE --split FILE.csv [--sizes 224 256 288 320]
        [--subset val] [--name NAME]

Needs FLORASCOPE_DATA with flowers-102/. The network stands still; heads are fitted to the training
photos and chosen by validation loss, as Touvron et al. 2019 ("Fixing the train-test resolution
discrepancy") do with the classifier alone. A row a size and head goes into resolution.csv beside
this file: the bundle's own head, a probe on the training photos at that size, and the mean of both
(each at its best temperature on validation), on photos as they are and on the mean feature of a
photo and its mirror image. Sizes are chosen on val; what is chosen is measured once on test.

Features come in pieces of some hundred photos, each cached: stopped, it goes on where it was.
"""

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from florascope.bundle.config import find_bundle
from florascope.data.dataset import Dataset, Indexes, Photo
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.images import RGB
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier, LinearHead, Samples, score, soften_head
from florascope.nets.saving import load_classifier
from florascope.nets.weights import with_preprocessing
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

TABLE = Path(__file__).with_name("resolution.csv")
PIECE = 409


@dataclass(frozen=True)
class Mirrored:
    """A photo, left and right exchanged."""

    photo: Photo

    @property
    def name(self) -> str:
        """As the photo's."""
        return self.photo.name

    def read(self) -> RGB:
        """Return the mirror image."""
        return np.ascontiguousarray(self.photo.read()[:, ::-1])

    def digest(self) -> str:
        """Another one than the photo's."""
        return f"mirrored {self.photo.digest()}"


@dataclass(frozen=True)
class Row:
    """Attributes: n photos of a subset at a size, answered by a head; the share that was right."""

    bundle: str
    subset: str
    size: int
    views: str
    head: str
    n: int
    right: int
    top1: float
    loss: float


def main() -> None:
    """Measure every size, and add its rows to the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle")
    parser.add_argument("--name", default="shipped", help="of the bundle in the table")
    parser.add_argument("--split", required=True)
    parser.add_argument("--subset", default="val", choices=("val", "test"))
    parser.add_argument("--sizes", nargs="*", type=int, default=[224, 256, 288, 320])
    parser.add_argument("--own", action="store_true", help="the bundle's own head alone: cheap")
    options = parser.parse_args()
    for size in options.sizes:
        for row in measured(options, size):
            append(row)
            print(row, flush=True)


def measured(options: argparse.Namespace, size: int) -> Iterator[Row]:
    """Yield the rows of a size."""
    classifier, dataset = load_classifier(find_bundle(options.bundle)), oxford102()
    assert isinstance(classifier.backbone, Backbone)  # bundles are of timm's networks
    with_preprocessing(classifier.backbone, size=size)
    split = choose_split(dataset, options.split, 0)
    asked = ("val", options.subset) if options.own else ("train", "val", options.subset)
    plain = {s: samples(classifier, dataset, split[s]) for s in asked}
    mirrored = {s: both(plain[s], classifier, dataset, split[s]) for s in asked}
    for views, seen in {"plain": plain, "with mirror image": mirrored}.items():
        for name, head in heads(classifier, seen).items():
            part = seen[options.subset]
            loss, top1 = score(head(part.features), part.targets)
            n = len(part.targets)
            right = round(top1 * n)
            yield Row(
                options.name, options.subset, size, views, name, n, right, *rounded(top1, loss)
            )


def rounded(*values: float) -> tuple[float, ...]:
    """Round to four places."""
    return tuple(round(value, 4) for value in values)


Wrap = Callable[[Photo], Photo]


def samples(
    classifier: Classifier, dataset: Dataset, indexes: Indexes, wrap: Wrap | None = None
) -> Samples:
    """Embed some photos, each changed by `wrap`, piece by piece."""
    ids = [known.id for known in classifier.classes]
    targets = np.array([ids.index(dataset.classes[k].id) for k in dataset.labels[indexes]])
    photos = [dataset.photos[i] for i in indexes.tolist()]
    changed = [wrap(photo) for photo in photos] if wrap else photos
    features = np.concatenate(list(pieces(changed, Engine(classifier.backbone))))
    return Samples(torch.from_numpy(features), torch.from_numpy(targets), len(ids))


def pieces(photos: Sequence[Photo], engine: Engine) -> Iterator[np.ndarray]:
    """Yield the features of each piece, (b, c)."""
    for at in range(0, len(photos), PIECE):
        yield embed(photos[at : at + PIECE], engine).values[0]


def both(plain: Samples, classifier: Classifier, dataset: Dataset, indexes: Indexes) -> Samples:
    """Return the mean features of photos and their mirror images: two passes a photo."""
    other = samples(classifier, dataset, indexes, Mirrored)
    return Samples((plain.features + other.features) / 2, plain.targets, plain.classes)


def heads(classifier: Classifier, seen: dict[str, Samples]) -> dict[str, LinearHead]:
    """Return the heads that compete, each at its best temperature on validation."""
    given = classifier.head
    own = LinearHead(given.weight.detach(), given.bias.detach())
    found = {"own": own}
    if "train" in seen:
        found["probe"] = fit_probe(seen["train"], seen["val"], Probe())
    found = {name: soften_head(head, seen["val"], 0.0) for name, head in found.items()}
    if "probe" in found:
        pair = (found["own"], found["probe"])
        weight, bias = (sum(getattr(h, part) for h in pair) / 2 for part in ("weight", "bias"))
        found["mean of both"] = soften_head(LinearHead(weight, bias), seen["val"], 0.0)
    return found


def append(row: Row) -> None:
    """Add a row to the table."""
    fresh = not TABLE.is_file()
    with TABLE.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(row))


if __name__ == "__main__":
    main()
