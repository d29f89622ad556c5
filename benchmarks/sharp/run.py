"""How the design of `sharp` was chosen: variants against masks. Makes the committed table.

    python benchmarks/sharp/run.py runs/flowers/bundle

Needs FLORASCOPE_DATA with oxford-17-masks/{jpg,masks}. What is explained is the class that the
network answers. A random half of the masked photos (seed 0) chose the layer, beta, the views and
the even rest; the other half had no part in it. Writes results.csv beside this file, or to --out.
"""

import argparse
import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from florascope.audit.localisation import localise
from florascope.audit.masks import Mask, MaskFolder, tells_apart
from florascope.data.dataset import FilePhoto
from florascope.errors import DataError
from florascope.explanation.cam import class_maps
from florascope.explanation.contributions import contributions
from florascope.explanation.unstrided import unstrided
from florascope.explanation.upsampling import spread
from florascope.files import write_text
from florascope.model.classifier import Classifier
from florascope.model.saving import load_classifier

BATCH = 8
FIGURES = ("pointing", "auroc", "energy_ratio")
SIZE = 224


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every variant and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results.csv")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    classifier = load_classifier(options.bundle)
    images, targets, masks = masked(classifier)
    chosen = np.zeros(len(masks), bool)
    chosen[np.random.default_rng(0).permutation(len(masks))[: len(masks) // 2]] = True
    rows = []
    for name, values in variants(classifier, images, targets):
        scores = localised(values, masks)
        halves = {"chosen on": chosen, "held out": ~chosen, "all": chosen | ~chosen}
        rows += [[name, half, *np.nanmean(scores[part], 0)] for half, part in halves.items()]
        print(name, np.nanmean(scores, 0).round(3), flush=True)
    write_text(options.out, table(rows))


def masked(classifier: Classifier) -> tuple[Tensor, Tensor, list[Mask]]:
    """Read the masked photos as the network sees them, with its answers.

    Raises:
        DataError: FLORASCOPE_DATA is not set or holds no oxford-17-masks.
    """
    folder = Path(os.environ.get("FLORASCOPE_DATA", "")) / "oxford-17-masks"
    photos = [FilePhoto(file) for file in sorted((folder / "jpg").glob("*.jpg"))]
    if not photos:
        raise DataError(f"no photos in {folder / 'jpg'}", fix="Set FLORASCOPE_DATA")
    contract, mask_of = classifier.preprocessing, MaskFolder(folder / "masks")
    crops = np.stack([contract.crop(photo.read()) for photo in photos])
    masks = [contract.crop_mask(m) for m in map(mask_of, photos) if m is not None]
    images = torch.from_numpy(contract.normalise(crops))
    with torch.no_grad():
        targets = torch.cat([classifier(batch).argmax(1) for batch in images.split(BATCH)])
    return images, targets, masks


def variants(
    classifier: Classifier, images: Tensor, targets: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and maps (n, H, W) of each variant, from few passes."""
    fine = unstrided(classifier, SIZE // class_maps(classifier, images[:1]).maps.shape[2])
    cams = {side: cam(classifier, images, targets, side) for side in (224, 320, 448)}
    total = cams[224].sum((1, 2))
    yield "cam", cams[224]
    yield "cam, views 224 + 320 + 448", torch.stack(list(cams.values())).mean(0)
    yield "cam without the last stride", cam(fine, images, targets, 224)
    coarse = parts(classifier, images, targets, 224)
    yield "contributions, beta 0.5, last stride kept", completed(coarse, 0.5, total)
    views = {side: parts(fine, images, targets, side) for side in (192, 224, 320)}
    for sides in ((224,), (224, 320), (192, 320)):
        mean = torch.stack([views[side] for side in sides]).mean(0)
        title = f"contributions, views {' + '.join(map(str, sides))}"
        for beta in (0.0, 0.5, 1.0):
            yield f"{title}, beta {beta:g}, without the rest", mean[0] - beta * mean[1]
            yield f"{title}, beta {beta:g}", completed(mean, beta, total)


def cam(classifier: Classifier, images: Tensor, targets: Tensor, side: int) -> Tensor:
    """Class activation maps of the pictures at another size, (n, H, W)."""
    maps = []
    for batch, target in zip(images.split(BATCH), targets.split(BATCH), strict=True):
        found = class_maps(classifier, resized(batch, side)).maps[torch.arange(len(batch)), target]
        maps.append(spread(found, (SIZE, SIZE), found.sum((1, 2))))
    return torch.cat(maps)


def parts(classifier: Classifier, images: Tensor, targets: Tensor, side: int) -> Tensor:
    """Positive and negative contributions of the pictures at another size, (2, n, H, W)."""
    found = []
    for batch, target in zip(images.split(BATCH), targets.split(BATCH), strict=True):
        both = contributions(classifier, resized(batch, side), target)
        found.append(torch.stack([spread(m, (SIZE, SIZE), m.sum((1, 2))) for m in both]))
    return torch.cat(found, dim=1)


def resized(images: Tensor, side: int) -> Tensor:
    """Enlarge or reduce the network's own input."""
    if side == images.shape[2]:
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False)


def completed(both: Tensor, beta: float, total: Tensor) -> Tensor:
    """Spread evenly what is not in its place."""
    values = both[0] - beta * both[1]
    return values + ((total - values.sum((1, 2))) / SIZE**2)[:, None, None]


def localised(values: Tensor, masks: Sequence[Mask]) -> np.ndarray:
    """Figures of each photo, (n, 3); NaN where the crop shows no flower or no background."""
    nowhere = [np.nan] * len(FIGURES)
    return np.array(
        [
            [getattr(localise(m, mask), f) for f in FIGURES] if tells_apart(mask) else nowhere
            for m, mask in zip(values.numpy(), masks, strict=True)
        ]
    )


def table(rows: Sequence[Sequence[object]]) -> str:
    """Write rows as CSV, figures to three decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["variant", "photos", *FIGURES])
    writer.writerows([[*row[:2], *(f"{value:.3f}" for value in row[2:])] for row in rows])
    return text.getvalue()


if __name__ == "__main__":
    main()
