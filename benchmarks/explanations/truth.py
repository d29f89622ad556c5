"""How the parts of `sharp` are chosen where no masks by hand tell: variants against known truth.

    for what in drawn side-by-side pasted nearest faithful masks; do
        python benchmarks/explanations/truth.py $what --cache passes
    done

The first three are pictures that hold their truth in themselves (`scenes.py`): drawn flowers with
exact masks, as they are and before corners of real photos; two validation photos side by side; the
middle of one pasted before another's corner. "nearest" asks, in all three, what the map against
the likeliest other class is worth. "faithful" takes validation photos apart, in squares of a
fourteenth and a twenty-eighth of the side. In all of these, half of the pictures choose and the
others are held out. "masks" is the test: the 105 photos of Oxford 17 with masks by hand, which
choose nothing. Needs FLORASCOPE_DATA with flowers-102 and, for the last, oxford-17-masks. Passes
are kept in --cache, so that a run that was stopped goes on. Writes results/truth-WHAT.csv beside
this file, or to --out.
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
from scenes import (
    Material,
    Scene,
    Scenes,
    drawn_classifier,
    garden_scenes,
    pairs,
    pasted,
    recognised,
)
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.audit.faithfulness import Perturbation, faithfulness
from florascope.audit.localisation import Mask, MaskFolder, localise
from florascope.audit.photos import prepare_photos
from florascope.bundle.config import find_bundle
from florascope.data.dataset import FilePhoto
from florascope.explanation.cam import spread
from florascope.explanation.guided import guided_filter
from florascope.explanation.inference import FastClassifier, SplitPasses
from florascope.explanation.sharp import EDGE, Contributions, colours, share_out, unstrided
from florascope.files import write_text
from florascope.nets.classifier import Classifier
from florascope.nets.saving import load_classifier
from florascope.progress import progress_bars, track

OWN = "s256"
"""A look is a side in pixels, by the network as it is (s) or without its last stride (u)."""
BATCH = 2
PHOTOS, PAIRS, PASTED, DRAWN, TAKEN_APART = 420, 100, 200, 150, 40
FIGURES = ("pointing", "pointing_near", "auroc", "energy_ratio")
SHARES = (0.0, 0.6, 1.0)  # of the rival's map that is taken away; 0.6 is Finer-CAM's


@dataclass(frozen=True)
class Passes:
    """What a classifier contributes for the classes asked about, by the look, made once.

    Attributes:
        classifier: the network.
        images: (n, 3, size, size).
        targets: (n,).
        kept: where the passes are kept: a folder and the beginning of a file's name.
    """

    classifier: Classifier
    images: Tensor
    targets: Tensor
    kept: Path

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return self.images.shape[2]

    @property
    def colours(self) -> Tensor:
        """What edges are found in."""
        return colours(self.images, self.classifier.preprocessing)

    def __getitem__(self, look: str) -> Contributions:
        file = self.kept.with_name(f"{self.kept.name}-{look}.npz")
        if not file.is_file():
            made = self._make(look)
            np.savez(file, evidence=made.evidence.numpy(), positive=made.positive.numpy())
        with np.load(file) as held:
            return Contributions(*(torch.from_numpy(held[name]) for name in Contributions._fields))

    def _make(self, look: str) -> Contributions:
        passes = SplitPasses(self.classifier, FastClassifier(self.classifier, threads=1))
        network = self.classifier if look[0] == "s" else unstrided(self.classifier, 32)
        parts = list(zip(self.images.split(BATCH), self.targets.split(BATCH), strict=True))
        with progress_bars() as told:
            found = [
                passes(network, resized(some, int(look[1:])), target)
                for some, target in track(parts, len(parts), self.kept.name + look, told)
            ]
        return Contributions(*map(torch.cat, zip(*found, strict=True)))


@dataclass(frozen=True)
class Variant:
    """One way to make a map.

    Attributes:
        looks: which are averaged; the first is the network's own.
        power: of the weights by which places share their evidence out; 0 shares evenly.
        edges: radius in pixels of the guided filter that the weights go through; 0 for none.
        reach: in pixels, how far evidence moves at the least; 0 for a place of each look.
        rest: "even", or "shared" where the looks' rest goes by the weights as well.
        blurred: deviation in pixels of a Gaussian over the map itself.
    """

    looks: tuple[str, ...] = (OWN, "u192", "u448")
    power: float = 2
    edges: int = 0
    reach: int = 0
    rest: str = "even"
    blurred: int = 0

    @property
    def name(self) -> str:
        """What sets it apart."""
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default]
        shown = (f"{f.name} {getattr(self, f.name)}" for f in changed if f.name != "looks")
        looks = [] if self.looks == Variant.looks else [f"looks {' '.join(self.looks)}"]
        return ", ".join([*looks, *shown]) or "as at first"

    def __call__(self, passes: Passes) -> Tensor:
        """Make the maps, (n, size, size)."""
        found = [passes[look] for look in self.looks]
        weights = self._weights(passes, torch.stack([placed(f.positive, passes) for f in found]))
        values = torch.stack([share_out(f.evidence, weights, self.reach) for f in found]).mean(0)
        rest = (found[0].evidence.sum((1, 2)) - values.sum((1, 2)))[:, None, None]
        share = weights if self.rest == "shared" else torch.ones_like(weights)
        # as sharp does: where nothing speaks for a class, weights sum to 0 and the rest goes evenly
        return smeared(values + share_out(rest, share), self.blurred)

    def _weights(self, passes: Passes, spoken: Tensor) -> Tensor:
        return edged(spoken.mean(0), passes, self.edges).clamp_min(0) ** self.power


PLAIN = Variant(looks=(OWN,), power=0)
FIRST = Variant()
BEFORE = Variant(edges=24, reach=32, rest="shared")
TODAY = replace(BEFORE, looks=(OWN, "u192", "s384"))
"""Half as dear: alike within what these exams can tell, by which it was taken."""

VARIANTS = (
    PLAIN,
    FIRST,
    BEFORE,
    TODAY,
    *(replace(TODAY, blurred=pixels) for pixels in (4, 8)),
    replace(TODAY, power=1.5),
    replace(TODAY, looks=(OWN, "u192", "u320")),
)
FINALISTS = (PLAIN, FIRST, BEFORE, TODAY)


def smeared(values: Tensor, deviation: float) -> Tensor:
    """Blur maps by a Gaussian that keeps their sums: each pixel gives away what it has."""
    if not deviation:
        return values
    places = torch.arange(values.shape[1])
    kernel = torch.exp(-(((places[:, None] - places) / deviation) ** 2) / 2)
    kernel = kernel / kernel.sum(0)
    return kernel @ values @ kernel.T


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
Exam = Callable[[Classifier, Path], Rows]
Made = tuple[Classifier, Iterator[list[Scene]]]


def drawn(classifier: Classifier) -> Made:
    """Drawn flowers, and a classifier of such."""
    photos = Material.of(classifier, PHOTOS)
    return drawn_classifier(classifier), garden_scenes(photos, DRAWN)


def side_by_side(classifier: Classifier) -> Made:
    """Two photos in one."""
    return classifier, pairs(Material.of(classifier, PHOTOS), PAIRS)


def before_another(classifier: Classifier) -> Made:
    """The middle of one photo before another's corner."""
    return classifier, pasted(Material.of(classifier, PHOTOS), PASTED)


KINDS: dict[str, Callable[[Classifier], Made]] = {
    "drawn": drawn,
    "side-by-side": side_by_side,
    "pasted": before_another,
}


def variants_on(kind: str) -> Exam:
    """Every variant on one kind of scenes."""

    def rows(classifier: Classifier, cache: Path) -> Rows:
        yield ["half", "variant", "n", *FIGURES]
        network, made = KINDS[kind](classifier)
        scenes = recognised(network, made)
        passes = Passes(network, scenes.images, scenes.targets, cache / kind)
        for variant in VARIANTS:
            yield from halves(variant.name, variant(passes), scenes)

    return rows


def nearest_rows(classifier: Classifier, cache: Path) -> Rows:
    """The map of a class less a share of the map of the likeliest other class."""
    yield ["kind", "half", "share", "n", *FIGURES]
    for kind, make in KINDS.items():
        network, made = make(classifier)
        scenes = recognised(network, made)
        asked = {kind: scenes.targets, f"{kind}-rivals": scenes.rivals}
        ours, other = (
            TODAY(Passes(network, scenes.images, targets, cache / name))
            for name, targets in asked.items()
        )
        for share in SHARES:
            for row in halves(f"{share:g}", ours - share * other, scenes):
                yield [kind, *row]


def halves(name: str, values: Tensor, scenes: Scenes) -> Rows:
    """Mean figures of the half that chooses, and of the half that is held out."""
    found = localised(values, scenes.masks)
    for half, part in (("chosen on", ~scenes.held_out), ("held out", scenes.held_out)):
        yield [half, name, int(part.sum()), *rounded(found[part].mean(0))]


def faithful_rows(classifier: Classifier, cache: Path) -> Rows:
    """The variants named FINALISTS on validation photos that are taken apart, by half."""
    yield ["tile", "half", "variant", "n", "deletion", "insertion", "gain"]
    photos = Material.of(classifier, PHOTOS)
    images = torch.from_numpy(classifier.preprocessing.normalise(photos.crops[-TAKEN_APART:]))
    targets = torch.from_numpy(photos.labels[-TAKEN_APART:])
    passes = Passes(classifier, images, targets, cache / "faithful")
    network = FastClassifier(classifier)
    for variant in FINALISTS:
        values = variant(passes)
        for tile in (14, 28):
            how = replace(Perturbation.of(images.shape[2]), tile=images.shape[2] // tile)
            curves = faithfulness(network, images, targets, values, how).probability
            areas = np.stack([curves.deletion_auc, curves.insertion_auc, curves.gain], 1)
            for half, rows in (("chosen on", areas[::2]), ("held out", areas[1::2])):
                yield [f"1/{tile}", half, variant.name, len(rows), *rounded(rows.mean(0))]


def mask_rows(classifier: Classifier, cache: Path) -> Rows:
    """The test: the variants named FINALISTS on the photos with masks by hand."""
    yield ["variant", "n", *FIGURES]
    folder = Path(os.environ["FLORASCOPE_DATA"]) / "oxford-17-masks"
    photos = [FilePhoto(file) for file in sorted((folder / "jpg").glob("*.jpg"))]
    masked = prepare_photos(classifier, photos, MaskFolder(folder / "masks"))
    batch = next(masked.batches(len(photos)))
    rows = [row for row, mask in enumerate(batch.masks) if mask is not None]
    images, targets = (part[rows] for part in batch.targeted)
    passes = Passes(classifier, images, targets, cache / "masks")
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


WHAT: dict[str, tuple[str, Exam]] = {
    **{kind: ((make.__doc__ or "").strip(), variants_on(kind)) for kind, make in KINDS.items()},
    "nearest": ((nearest_rows.__doc__ or ""), nearest_rows),
    "faithful": ((faithful_rows.__doc__ or ""), faithful_rows),
    "masks": ((mask_rows.__doc__ or ""), mask_rows),
}


def page(folder: Path) -> str:
    """All tables that have been made, on one page of Markdown."""
    parts = ["# How the parts of `sharp` were chosen", (__doc__ or "").split("\n\n", 2)[2].strip()]
    for what, (title, _) in WHAT.items():
        file = folder / f"truth-{what}.csv"
        if file.is_file():
            head, *lines = csv.reader(file.read_text("utf-8").splitlines())
            table = [head, ["---"] * len(head), *lines]
            text = "\n".join(f"| {' | '.join(line)} |" for line in table)
            parts += [f"## {what}: {title}", text]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--bundle", default="flowers102-mobilenetv2")
    parser.add_argument("--cache", type=Path, required=True, help="Folder of passes.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    options.cache.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    _, exam = WHAT[options.what]
    for row in exam(load_classifier(find_bundle(options.bundle)), options.cache):
        csv.writer(table, lineterminator="\n").writerow(row)
        print(*row, sep="  ", flush=True)
    write_text(options.out / f"truth-{options.what}.csv", table.getvalue())
    write_text(options.out / "truth.md", page(options.out))


if __name__ == "__main__":
    main()
