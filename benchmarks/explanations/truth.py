"""How the parts of `sharp` are chosen where no masks by hand tell: variants against known truth.

    for what in drawn side-by-side pasted faithful masks; do
        python benchmarks/explanations/truth.py $what
    done

The first three are pictures that hold their truth in themselves (`scenes.py`): drawn flowers with
exact masks, as they are and before corners of real photos; two validation photos side by side; the
middle of one pasted before another's corner. "faithful" takes validation photos apart, in squares
of a fourteenth and a twenty-eighth of the side. In all of these, half of the pictures choose and
the others are held out. "masks" is the test: the 105 photos of Oxford 17 with masks by hand, which
choose nothing. Needs FLORASCOPE_DATA with flowers-102 and, for the last, oxford-17-masks. Writes
results/truth-WHAT.csv beside this file, or to --out.
"""

import argparse
import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from scenes import Material, Scene, assembled, drawn_classifier, garden_scenes, pairs, pasted
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.audit.faithfulness import Perturbation, faithfulness
from florascope.audit.localisation import BACKGROUND, FLOWER, Mask, MaskFolder, localise
from florascope.audit.photos import prepare_photos
from florascope.bundle.config import find_bundle
from florascope.data.dataset import FilePhoto
from florascope.explanation.cam import spread
from florascope.explanation.guided import guided_filter
from florascope.explanation.inference import FastClassifier
from florascope.explanation.sharp import (
    EDGE,
    Contributions,
    colours,
    contributions,
    share_out,
    unstrided,
)
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier

OWN = 0
"""The look by the network as it is; other looks are sides of pictures, mirrored if negative."""
BATCH = 2
SEEN = 0.05  # probability above which a scene's class is asked about
PHOTOS, PAIRS, PASTED, DRAWN, TAKEN_APART = 220, 30, 48, 32, 40
LOOKS = ((OWN, 192), (OWN, 448), (OWN, 192, 352), (OWN, 192, 384))
FIGURES = ("pointing", "pointing_near", "auroc", "energy_ratio")


class Passes:
    """What a classifier contributes for the classes asked about, by the look, made once.

    Args:
        classifier: the network.
        images: (n, 3, size, size).
        targets: (n,).
    """

    def __init__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> None:
        self.colours, self.size = colours(images, classifier.preprocessing), images.shape[2]
        self._asked, self._made = (classifier, images, targets), dict[int, Contributions]()

    def __getitem__(self, look: int) -> Contributions:
        if look not in self._made:
            self._made[look] = self._make(look)
        return self._made[look]

    def _make(self, look: int) -> Contributions:
        classifier, images, targets = self._asked
        network = classifier if look == OWN else unstrided(classifier, 32)
        found = [
            contributions(network, resized(some, abs(look) or self.size), target)
            for some, target in zip(images.split(BATCH), targets.split(BATCH), strict=True)
        ]
        made = Contributions(*map(torch.cat, zip(*found, strict=True)))
        return made if look >= 0 else Contributions(*(part.flip(2) for part in made))


@dataclass(frozen=True)
class Variant:
    """One way to make a map.

    Attributes:
        looks: which are averaged.
        power: of the weights by which places share their evidence out; 0 shares evenly.
        edges: radius in pixels of the guided filter that the weights go through; 0 for none.
        reach: in pixels, how far evidence moves at the least; 0 for a place of each look.
        rest: "even", or "shared" where the looks' rest goes by the weights as well.
        smoothed: the guided filter's radius on the map itself.
    """

    looks: tuple[int, ...] = (OWN, 192, 448)
    power: float = 2
    edges: int = 0
    reach: int = 0
    rest: str = "even"
    smoothed: int = 0

    @property
    def name(self) -> str:
        """What sets it apart."""
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return ", ".join(f"{f.name} {getattr(self, f.name)}" for f in changed) or "as it was"

    def __call__(self, passes: Passes) -> Tensor:
        """Make the maps, (n, size, size)."""
        found = [passes[look] for look in self.looks]
        weights = self._weights(passes, torch.stack([placed(f.positive, passes) for f in found]))
        values = torch.stack([share_out(f.evidence, weights, self.reach) for f in found]).mean(0)
        rest = (passes[OWN].evidence.sum((1, 2)) - values.sum((1, 2)))[:, None, None]
        share = weights if self.rest == "shared" else torch.ones_like(weights)
        values = values + rest * share / share.sum((1, 2), keepdim=True)
        return edged(values, passes, self.smoothed)

    def _weights(self, passes: Passes, spoken: Tensor) -> Tensor:
        return edged(spoken.mean(0), passes, self.edges).clamp_min(0) ** self.power


NEW = Variant(edges=24, reach=32, rest="shared")
VARIANTS = (
    Variant(looks=(OWN,), power=0),
    Variant(),
    Variant(edges=24),
    Variant(reach=32),
    Variant(rest="shared"),
    Variant(smoothed=12),
    NEW,
    replace(NEW, edges=16),
    *(replace(NEW, reach=reach) for reach in (24, 40)),
    *(replace(NEW, power=power) for power in (1, 1.5, 3)),
    *(replace(NEW, looks=looks) for looks in LOOKS),
)
FINALISTS = (Variant(looks=(OWN,), power=0), Variant(), NEW)


def edged(values: Tensor, passes: Passes, radius: int) -> Tensor:
    """Smooth within the picture's own edges."""
    return guided_filter(values, passes.colours, radius, EDGE, 4) if radius else values


def placed(maps: Tensor, passes: Passes) -> Tensor:
    """Enlarge maps to the input's size, keeping their sums."""
    return spread(maps, (passes.size, passes.size), maps.sum((1, 2)))


def resized(images: Tensor, side: int) -> Tensor:
    """Enlarge or reduce the network's own input."""
    if side == images.shape[2]:
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)


Row = list[object]
Rows = Iterator[Row]


def drawn_rows(classifier: Classifier) -> Rows:
    """Drawn flowers, explained to a classifier of such."""
    photos = Material.of(classifier, PHOTOS)
    return scored(drawn_classifier(classifier), garden_scenes(photos, DRAWN))


def side_by_side_rows(classifier: Classifier) -> Rows:
    """Two photos in one."""
    return scored(classifier, pairs(Material.of(classifier, PHOTOS), PAIRS))


def pasted_rows(classifier: Classifier) -> Rows:
    """The middle of one photo before another's corner."""
    return scored(classifier, pasted(Material.of(classifier, PHOTOS), PASTED))


def scored(classifier: Classifier, made: Iterator[list[Scene]]) -> Rows:
    """Every variant on scenes whose class the network sees at all."""
    yield ["half", "variant", "n", *FIGURES]
    scenes = assembled(classifier, made)
    images, targets = scenes.images, scenes.targets
    with torch.no_grad():
        shares = torch.cat([classifier(some).softmax(1) for some in images.split(BATCH)])
    seen = (shares.gather(1, targets[:, None])[:, 0] > SEEN).numpy()
    passes = Passes(classifier, images, targets)
    masks = [np.where(w, FLOWER, BACKGROUND).astype(np.uint8) for w in scenes.where]
    for variant in VARIANTS:
        found = localised(variant(passes), masks)
        for half, part in (("chosen on", ~scenes.held_out), ("held out", scenes.held_out)):
            rows = found[seen & part]
            yield [half, variant.name, len(rows), *rounded(rows.mean(0))]


def faithful_rows(classifier: Classifier) -> Rows:
    """The variants named FINALISTS on validation photos that are taken apart, by half."""
    yield ["tile", "half", "variant", "n", "deletion", "insertion", "gain"]
    photos = Material.of(classifier, PHOTOS)
    images = torch.from_numpy(classifier.preprocessing.normalise(photos.crops[-TAKEN_APART:]))
    targets = torch.from_numpy(photos.labels[-TAKEN_APART:])
    passes, network = Passes(classifier, images, targets), FastClassifier(classifier)
    for variant in FINALISTS:
        values = variant(passes)
        for tile in (14, 28):
            how = replace(Perturbation.of(images.shape[2]), tile=images.shape[2] // tile)
            curves = faithfulness(network, images, targets, values, how).probability
            areas = np.stack([curves.deletion_auc, curves.insertion_auc, curves.gain], 1)
            for half, rows in (("chosen on", areas[::2]), ("held out", areas[1::2])):
                yield [f"1/{tile}", half, variant.name, len(rows), *rounded(rows.mean(0))]


def mask_rows(classifier: Classifier) -> Rows:
    """The test: the variants named FINALISTS on the photos with masks by hand."""
    yield ["variant", "n", *FIGURES]
    folder = Path(os.environ["FLORASCOPE_DATA"]) / "oxford-17-masks"
    photos = [FilePhoto(file) for file in sorted((folder / "jpg").glob("*.jpg"))]
    masked = prepare_photos(classifier, photos, MaskFolder(folder / "masks"))
    batch = next(masked.batches(len(photos)))
    rows = [row for row, mask in enumerate(batch.masks) if mask is not None]
    passes = Passes(classifier, *(part[rows] for part in batch.targeted))
    masks = [mask for mask in batch.masks if mask is not None]
    for variant in FINALISTS:
        yield [variant.name, len(rows), *rounded(localised(variant(passes), masks).mean(0))]


def localised(values: Tensor, masks: Sequence[Mask]) -> np.ndarray:
    """Figures of each map, (n, 4)."""
    found = (localise(v, mask) for v, mask in zip(values.numpy(), masks, strict=True))
    return np.array([[getattr(one, figure) for figure in FIGURES] for one in found])


def rounded(figures: np.ndarray) -> list[str]:
    """Three decimals."""
    return [f"{figure:.3f}" for figure in figures]


WHAT: dict[str, Callable[[Classifier], Rows]] = {
    "drawn": drawn_rows,
    "side-by-side": side_by_side_rows,
    "pasted": pasted_rows,
    "faithful": faithful_rows,
    "masks": mask_rows,
}


def page(folder: Path) -> str:
    """All tables that have been made, on one page of Markdown."""
    parts = ["# How the parts of `sharp` were chosen", (__doc__ or "").split("\n\n", 2)[2].strip()]
    for what, rows in WHAT.items():
        file = folder / f"truth-{what}.csv"
        if file.is_file():
            head, *lines = csv.reader(file.read_text("utf-8").splitlines())
            table = [head, ["---"] * len(head), *lines]
            text = "\n".join(f"| {' | '.join(line)} |" for line in table)
            parts += [f"## {what}: {(rows.__doc__ or '').splitlines()[0]}", text]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--bundle", default="flowers102-mobilenetv2")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    table = io.StringIO()
    for row in WHAT[options.what](load_classifier(find_bundle(options.bundle))):
        csv.writer(table, lineterminator="\n").writerow(row)
        print(*row, sep="  ", flush=True)
    write_text(options.out / f"truth-{options.what}.csv", table.getvalue())
    write_text(options.out / "truth.md", page(options.out))


if __name__ == "__main__":
    main()
